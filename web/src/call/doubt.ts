// Whether anybody is at the other end of the line. A network that changed leaves a socket that looks open for
// minutes, and a page can send no Ping frame: it asks by a message, and soon opens a second socket beside the line.
// What is heard first is right. A line that is alive answers in one round trip, however slow, and a new
// socket takes two and more; so no time has to be guessed after which a line counts as dead.

import type { Failure } from './messages';

/** doubt: something does not come that should. change: the browser tells of another network. wait: what was asked for takes long. */
export type Reason = 'doubt' | 'change' | 'wait';

/** So long an answer is waited for before a socket is opened beside the line. */
export const knockMS = 500;
/** A socket that could not be opened is tried again after that, and after twice as long each time. */
export const againMS = 250;
/** The line is given up when nothing was heard for that long, neither on it nor of another. */
export const silentMS = 8000;

export interface Way<L> {
  /** Sends the question. */
  ask(seq: number): void;
  /** Opens a socket beside the line; one of the two is called later, unless it is closed before. */
  knock(opened: () => void, failed: () => void): L;
  /** Nobody is at the other end of the line. fresh is an open socket to go on with; null: the server is out of reach. */
  dead(fresh: L | null): void;
}

export class Doubt<L extends { close(): void }> {
  #way: Way<L>;
  #seq = 0;
  #asked = 0; // the seq that is waited for; 0: none
  #knocked: L | null = null;
  #knocks = 0; // that failed
  #knock: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #deaf = false; // the server bears the question a few times only

  constructor(way: Way<L>) {
    this.#way = way;
  }

  /** Asks, unless an answer is waited for. While something long is on its way (wait), the question is behind it: nobody knocks. */
  ask(reason: Reason): void {
    if (this.#deaf) return;
    if (this.#asked !== 0 && reason !== 'change') return;
    if (this.#asked === 0) {
      this.#asked = ++this.#seq;
      this.#silence = setTimeout(() => this.#give(null), silentMS);
      this.#way.ask(this.#asked);
    }
    this.#withdraw(); // a socket that was begun in the other network
    if (reason === 'change') this.#beside();
    if (reason === 'doubt') this.#knock = setTimeout(() => this.#beside(), knockMS);
  }

  /** The server of this line knows no such question. */
  get deaf(): boolean {
    return this.#deaf;
  }

  answered(seq: number): void {
    if (seq === this.#asked) this.settle();
  }

  /** Takes an error about the question, which is an answer too. Reports whether it was one. */
  refused(m: Failure): boolean {
    const unknown = this.#asked !== 0 && m.re === '' && m.kind === 'invalid' && !m.fatal;
    if (m.re !== 'ping' && !unknown) return false;
    if (unknown) this.#deaf = true;
    this.settle();
    return true;
  }

  /** Begins anew with another line. */
  reset(): void {
    this.settle();
    this.#deaf = false;
  }

  /** Waits for nothing any more. */
  settle(): void {
    this.#asked = 0;
    clearTimeout(this.#silence);
    this.#withdraw();
  }

  #withdraw(): void {
    clearTimeout(this.#knock);
    this.#knocks = 0;
    const knocked = this.#knocked;
    this.#knocked = null;
    knocked?.close();
  }

  #beside(): void {
    const mine = this.#way.knock(
      () => {
        if (mine === this.#knocked) this.#give(mine);
      },
      () => {
        if (mine !== this.#knocked) return;
        this.#knocked = null;
        this.#knock = setTimeout(() => this.#beside(), againMS * 2 ** this.#knocks++);
      },
    );
    this.#knocked = mine;
  }

  #give(fresh: L | null): void {
    if (fresh !== null) this.#knocked = null;
    this.settle();
    this.#way.dead(fresh);
  }
}
