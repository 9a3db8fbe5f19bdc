// Lines of chat on their way. Each is kept until the server has confirmed it by its key, and sent again on
// every new socket; the server drops what it has. One is asked at a time, so that their order holds
// whatever is lost or refused in between.

import type { Chat, Failure } from './messages';

export interface Outgoing {
  key: string;
  text: string;
  /** Why the server does not take it; '' while it is on its way. */
  failed: string;
  /** By its text it stands among the lines of the meeting already; the server is being asked. */
  there: boolean;
  /** The participant it was sent as; '' while it was not. To the server another one's key is another line. */
  by: string;
  /** It was sent as a participant who cannot come back: nobody but a person can tell whether it arrived. */
  unsure: boolean;
}

/** A person has to say what becomes of it. */
export function held(line: Outgoing): boolean {
  return line.failed !== '' || line.unsure;
}

export interface Way {
  send(line: Outgoing): void;
  /** The answer takes long. */
  slow(): void;
  /** No answer came: nobody is at the other end of the socket. */
  silent(): void;
  changed(lines: readonly Outgoing[]): void;
}

/** More than that are not kept: nobody reads them all. */
export const mostOutgoing = 50;
/** A confirmation is waited for that long. */
export const silentMS = 8000;
/** It takes long after that. */
export const slowMS = 2000;

export class Outbox {
  lines: readonly Outgoing[];
  #way: Way;
  #open = false;
  #you = '';
  #asked = ''; // the key of the line whose answer is waited for, on this socket
  #timer: ReturnType<typeof setTimeout> | undefined; // until that is given up, or asked again

  /** lines are what an earlier page of this tab had on its way. */
  constructor(lines: readonly Outgoing[], way: Way) {
    this.lines = lines;
    this.#way = way;
  }

  /** Takes a line, unless there are too many. */
  add(text: string): boolean {
    if (this.lines.length >= mostOutgoing) return false;
    this.#set([...this.lines, { key: newKey(), text, failed: '', there: false, by: '', unsure: false }]);
    this.#next();
    return true;
  }

  /** Sends a line that is held once more, after those that are on their way. */
  again(key: string): void {
    const line = this.lines.find((l) => l.key === key && held(l));
    if (line === undefined) return;
    this.#set([...this.lines.filter((l) => l !== line), { ...line, failed: '', unsure: false, by: '' }]);
    this.#next();
  }

  /** Forgets a line that is held. */
  discard(key: string): void {
    this.#set(this.lines.filter((l) => l.key !== key || !held(l)));
  }

  /** There is a socket that has joined, as `you`. `fresh` are this participant's lines that came with it and were not known. */
  opened(you: string, fresh: readonly Chat[]): void {
    this.closed();
    this.#open = true;
    this.#you = you;
    if (this.lines.some((l) => this.#lost(l))) {
      this.#set(this.lines.map((l) => (this.#lost(l) ? { ...l, unsure: true, there: false } : l)));
    }
    const found = this.lines.find((l) => !held(l));
    if (fresh.some((l) => l.text === found?.text)) {
      this.#set(this.lines.map((l) => (l === found ? { ...l, there: true } : l)));
    }
    this.#next();
  }

  /** The socket is gone, and with it what was asked on it. */
  closed(): void {
    this.#open = false;
    this.#answered();
  }

  confirmed(key: string): void {
    if (key === '') return;
    if (key === this.#asked) this.#answered();
    this.#set(this.lines.filter((l) => l.key !== key));
    this.#next();
  }

  /** An error about a line of chat; without a key it is about the one that was asked. */
  refused(m: Failure): void {
    if (this.#asked === '' || (m.key !== '' && m.key !== this.#asked)) return;
    const key = this.#asked;
    if (m.retry_ms > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#answered();
        this.#next();
      }, m.retry_ms);
      return;
    }
    this.#answered();
    this.#set(this.lines.map((l) => (l.key === key ? { ...l, failed: m.say, there: false } : l)));
    this.#next();
  }

  /** Sends all there is at once, where nothing can be sent later. Reports whether there was a socket. */
  flush(): boolean {
    if (this.#open) for (const line of this.lines.filter((l) => !held(l))) this.#send(line);
    return this.#open;
  }

  #next(): void {
    const line = this.lines.find((l) => !held(l));
    if (!this.#open || this.#asked !== '' || line === undefined) return;
    this.#asked = line.key;
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#way.silent(), silentMS - slowMS);
      this.#way.slow();
    }, slowMS);
    this.#send(line);
  }

  #answered(): void {
    clearTimeout(this.#timer);
    this.#asked = '';
  }

  #send(line: Outgoing): void {
    if (line.by !== this.#you) this.#set(this.lines.map((l) => (l.key === line.key ? { ...l, by: this.#you } : l)));
    this.#way.send(line);
  }

  #lost(line: Outgoing): boolean {
    return !held(line) && line.by !== '' && line.by !== this.#you;
  }

  #set(lines: readonly Outgoing[]): void {
    this.lines = lines;
    this.#way.changed(lines);
  }
}

/** Lines of an earlier page, from what was stored; what is no line is left out. */
export function readOutgoing(value: unknown): Outgoing[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, mostOutgoing).flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return [];
    const { key, text, failed, by, unsure } = item as Partial<Outgoing>;
    if (typeof key !== 'string' || !/^[\w-]{1,64}$/.test(key) || typeof text !== 'string' || text === '') return [];
    const known = (value: unknown): string => (typeof value === 'string' ? value : '');
    return [{ key, text, failed: known(failed), there: false, by: known(by), unsure: unsure === true }];
  });
}

/** 128 random bits; crypto.randomUUID is only there on https pages. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
