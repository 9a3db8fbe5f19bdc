// The way to the server: one line at a time. A line that is lost, or found dead, is followed by another.

import { Doubt, type Reason } from './doubt';
import { Line } from './line';
import type { BrowserMessage, ServerMessage } from './messages';

const retryMS = [300, 1000, 2000, 4000, 8000];
/**
 * While the answer does not come that makes or mends the connection, the line is asked that often whether it lives: on a
 * slow one an offer takes seconds.
 */
const barkMS = 4000;
/** So many times in all; */
const mostBarks = 8;
/** and so many where it cannot be asked. */
const fewBarks = 2;

export interface ContactEvents {
  /** There is a line to join on; it may still be opening. again: it is not the first. */
  begun(line: Line, again: boolean): void;
  message(m: ServerMessage): void;
  /** The line is gone, and the next will come. */
  away(): void;
}

export class Contact {
  /** The line has its joined: requests are answered. */
  joined = false;

  #meeting: string;
  #events: ContactEvents;
  #line: Line | null = null;
  #doubt: Doubt<Line>;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined; // until the next line is begun; undefined while there is one
  #watchdog: ReturnType<typeof setTimeout> | undefined; // barks while an answer does not come; undefined while none is due
  #barks = 0;
  #introduced = false; // join was sent on this line: it is the first message
  #over = false;

  constructor(meeting: string, events: ContactEvents) {
    this.#meeting = meeting;
    this.#events = events;
    this.#doubt = new Doubt({
      ask: (seq) => this.send({ type: 'ping', seq }),
      knock: (opened, failed) => this.#dial(opened, failed),
      dead: (fresh) => this.#replace(fresh),
    });
  }

  start(): void {
    this.#begin(this.#dial(), false);
  }

  /** This is the line, and not an earlier one. */
  is(line: Line): boolean {
    return line === this.#line && !this.#over;
  }

  send(message: BrowserMessage): void {
    this.#line?.send(message);
  }

  /** Sends what is answered; gives the line up unless it is. */
  request(message: BrowserMessage): void {
    if (message.type === 'join') this.#introduced = true;
    this.send(message);
    this.#expectAnswer();
  }

  /** Joining has worked out: the next line that is lost is followed at once. */
  well(): void {
    this.#attempts = 0;
  }

  /** There is reason to think that the server cannot be reached any more as it was. */
  suspect(reason: Reason): void {
    if (this.#over) return;
    if (this.joined) {
      // Behind an answer that is under way another one would come late: the wait for that one ends by itself.
      if (reason === 'change' || this.#watchdog === undefined) this.#doubt.ask(reason);
      return;
    }
    if (reason === 'doubt') return;
    this.#attempts = 0; // what was begun in the other network is begun anew, at once
    if (this.#retry === undefined) this.drop();
    clearTimeout(this.#retry);
    this.#again();
  }

  /** Closes the line; another follows. */
  close(): void {
    this.joined = false;
    this.#line?.close();
  }

  /** Gives up a line that does not answer. */
  drop(): void {
    this.#line?.drop();
  }

  /** No line follows. The one there is may still be closed. */
  finish(): void {
    this.#over = true;
    clearTimeout(this.#retry);
    this.#away();
  }

  /** Begins to open a socket. It is not the line yet. */
  #dial(opened = (): void => undefined, failed = (): void => undefined): Line {
    const line: Line = new Line(this.#meeting, {
      opened: () => {
        if (line === this.#line) this.#expectAnswer();
        else opened();
      },
      message: (m) => {
        if (line === this.#line) this.#receive(m);
      },
      closed: () => {
        if (line === this.#line) this.#lost();
        else failed();
      },
    });
    return line;
  }

  #begin(line: Line, again: boolean): void {
    this.#line = line;
    this.#introduced = false;
    this.#expectAnswer();
    this.#events.begun(line, again);
  }

  #again(): void {
    this.#retry = undefined;
    this.#begin(this.#dial(), true);
  }

  #receive(m: ServerMessage): void {
    if (m.type === 'pong') this.#doubt.answered(m.seq);
    if (m.type === 'pong' || (m.type === 'error' && this.#doubt.refused(m))) return;
    if (m.type === 'joined' || m.type === 'answer') this.#answered();
    if (m.type === 'joined') this.joined = true;
    this.#events.message(m);
  }

  #lost(): void {
    if (this.#over) return;
    this.#away();
    this.#events.away();
    const wait = retryMS[Math.min(this.#attempts++, retryMS.length - 1)] ?? 0;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#again(), wait);
  }

  /** Goes on with a fresh line, or without any for now. */
  #replace(fresh: Line | null): void {
    const dead = this.#line;
    if (fresh !== null) {
      this.#away();
      this.#events.away();
      this.#begin(fresh, true);
    }
    dead?.drop();
  }

  #away(): void {
    this.joined = false;
    this.#doubt.reset();
    this.#answered();
  }

  #expectAnswer(): void {
    clearTimeout(this.#watchdog);
    this.#barks = 0;
    this.#watchdog = setTimeout(() => this.#bark(), barkMS);
  }

  /** Asks whether the line lives; where it does not, doubt gives it up. */
  #bark(): void {
    const asks = this.#introduced && this.#line?.open === true;
    if (++this.#barks >= (asks && !this.#doubt.deaf ? mostBarks : fewBarks)) {
      this.drop();
      return;
    }
    if (asks) this.#doubt.ask('wait');
    this.#watchdog = setTimeout(() => this.#bark(), barkMS);
  }

  #answered(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = undefined;
  }
}
