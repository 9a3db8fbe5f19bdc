// Which pieces of a track a player needs at a time. Pure.

export interface Piece {
  number: number;
  start_ms: number;
  end_ms: number;
}

/** A picture can be entered at keyframes only, which are at most this far apart. */
export const enterMS = 6000;
/** How far ahead of the clock is loaded. */
export const aheadMS = 16000;

/** The pieces to have for playing at `at`, in order; without the header (number 0). */
export function needed(pieces: readonly Piece[], at: number, video: boolean): Piece[] {
  const from = at - (video ? enterMS : 1000);
  const to = at + aheadMS;
  return pieces.filter((p) => p.number > 0 && p.end_ms >= from && p.start_ms <= to);
}

/** Whether the track has something at `at`: a pause is an absence of pieces, or of frames in them. */
export function covers(pieces: readonly Piece[], at: number): boolean {
  return pieces.some((p) => p.number > 0 && p.start_ms <= at && at < p.end_ms + 250);
}

/** The index of the last utterance that has begun at `at`; -1 before the first. */
export function currentOf(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Milliseconds as 1:05 or 1:02:05. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
