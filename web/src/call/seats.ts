// Who sits in which video seat. Pure: the room asks for a plan whenever people, publications or what
// is on the screen changes.

import type { SeatRequest } from './messages';

/** A picture that somebody wants to see, most wanted first. */
export interface Wish {
  track: string;
  width: number;
  height: number;
}

/**
 * Plans the requests that bring `wishes` into `mids`: a picture that has a seat keeps it, since moving it
 * would cost a keyframe; the others take what is free, in order. Wishes beyond the seats go unfulfilled.
 */
export function planSeats(mids: readonly string[], now: ReadonlyMap<string, string>, wishes: readonly Wish[]): SeatRequest[] {
  const granted = wishes.slice(0, mids.length);
  const wanted = new Set(granted.map((w) => w.track));
  const seated = new Map<string, string>(); // track -> mid
  const free: string[] = [];
  for (const mid of mids) {
    const track = now.get(mid) ?? '';
    if (track !== '' && wanted.has(track) && !seated.has(track)) seated.set(track, mid);
    else free.push(mid);
  }
  const requests: SeatRequest[] = [];
  granted.forEach((wish, rank) => {
    if (seated.has(wish.track)) return;
    const mid = free.shift();
    if (mid === undefined) return;
    seated.set(wish.track, mid);
    requests.push({ mid, track: wish.track, width: wish.width, height: wish.height, priority: granted.length - rank });
  });
  for (const mid of free) {
    if ((now.get(mid) ?? '') !== '') requests.push({ mid, track: '' });
  }
  return requests;
}
