// Whether media goes on arriving. Where all of it stops at once, the network may be another one: browsers take
// five seconds and more until they call ICE disconnected, and not all tell of a change of the network.

/** How often it is looked at. */
export const lookMS = 500;
/** Somebody who is silent still sends something each 400 ms; a picture of a shared screen may stand for a second. */
export const stopMS = 1500;

export class Hearing {
  #heard = false;

  /** newest is when the last packet of any kind arrived, in milliseconds as now is. Reports, once, that they have stopped. */
  stopped(newest: number, now: number): boolean {
    const before = this.#heard;
    this.#heard = now - newest < stopMS;
    return before && !this.#heard;
  }
}
