// Svelte attachments for media elements.

/** Shows a stream, or nothing. */
export function streamOf(stream: MediaStream | null): (element: HTMLMediaElement) => () => void {
  return (element) => {
    element.srcObject = stream;
    return () => {
      element.srcObject = null;
    };
  };
}
