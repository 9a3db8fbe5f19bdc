// What a browser tells of its network. No browser tells of every change.

import type { Reason } from './doubt';

export interface Tellers {
  window: EventTarget;
  document: EventTarget & { readonly visibilityState: string };
  /** With a connection where the browser has the Network Information API. */
  navigator: { readonly onLine: boolean; readonly connection?: EventTarget & { readonly type?: string | undefined } };
}

/** Tells of reasons to doubt that the server can still be reached as it was, until the answer is called. */
export function watchNetwork({ window, document, navigator }: Tellers, tell: (reason: Reason) => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const { connection } = navigator;
  let type = connection?.type;
  window.addEventListener('online', () => tell('change'), { signal });
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible' && navigator.onLine) tell('doubt'); // the machine may have slept
    },
    { signal },
  );
  connection?.addEventListener(
    'change',
    () => {
      const before = type; // told on telephones alone; elsewhere only the speed is, which changes by itself too
      type = connection.type;
      if (navigator.onLine && type !== 'none') tell(type === before ? 'doubt' : 'change');
    },
    { signal },
  );
  return () => stop.abort();
}
