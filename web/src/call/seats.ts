// Who sits in which video seat, and how large. Pure: the room asks for a plan whenever people, publications
// or what is on the screen changes.

import type { SeatRequest } from './messages';

/** A picture that somebody wants to see, most wanted first. */
export interface Wish {
  track: string;
  width: number;
  height: number;
}

/** Sizes that differ by less than this share are one: a window being dragged is not worth a message for each pixel. */
const coarse = 0.1;

/**
 * Plans the requests that bring `wishes` into `mids`: a picture that has a seat keeps it, since moving it
 * would cost a keyframe; the others take what is free, in order. Wishes beyond the seats go unfulfilled.
 * `asked` holds the last request for each seat: one that is seated is asked for again when it is shown at
 * another size or has become more or less important.
 */
export function planSeats(
  mids: readonly string[],
  now: ReadonlyMap<string, { track: string }>,
  wishes: readonly Wish[],
  asked: ReadonlyMap<string, SeatRequest> = new Map(),
): SeatRequest[] {
  const granted = wishes.slice(0, mids.length);
  const wanted = new Set(granted.map((w) => w.track));
  const seated = new Map<string, string>(); // track -> mid
  const free: string[] = [];
  for (const mid of mids) {
    const track = now.get(mid)?.track ?? '';
    if (track !== '' && wanted.has(track) && !seated.has(track)) seated.set(track, mid);
    else free.push(mid);
  }
  const requests: SeatRequest[] = [];
  granted.forEach((wish, rank) => {
    const kept = seated.get(wish.track);
    const mid = kept ?? free.shift();
    if (mid === undefined) return;
    seated.set(wish.track, mid);
    const request = { mid, track: wish.track, width: wish.width, height: wish.height, priority: granted.length - rank };
    if (kept === undefined || !alike(request, asked.get(mid))) requests.push(request);
  });
  for (const mid of free) {
    if ((now.get(mid)?.track ?? '') !== '') requests.push({ mid, track: '' });
  }
  return requests;
}

function alike(a: SeatRequest, b: SeatRequest | undefined): boolean {
  const near = (x = 0, y = 0): boolean => Math.abs(x - y) <= coarse * Math.max(x, y);
  return b !== undefined && a.track === b.track && a.priority === b.priority && near(a.width, b.width) && near(a.height, b.height);
}
