// One WebSocket of one meeting.

import { type BrowserMessage, decode, type ServerMessage } from './messages';

export interface LineEvents {
  opened(): void;
  message(m: ServerMessage): void;
  /** The socket is gone, whoever closed it. Called once. */
  closed(): void;
}

export class Line {
  #socket: WebSocket;
  #waiting: string[] = [];
  #closed: () => void;

  constructor(meeting: string, events: LineEvents) {
    let told = false;
    this.#closed = () => {
      if (told) return;
      told = true;
      events.closed();
    };
    const url = new URL(`/api/v1/meetings/${encodeURIComponent(meeting)}/socket`, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => {
      for (const frame of this.#waiting.splice(0)) this.#socket.send(frame);
      events.opened();
    };
    this.#socket.onmessage = (event: MessageEvent<unknown>) => {
      let message: ServerMessage;
      try {
        message = decode(String(event.data));
      } catch (error) {
        console.error('the server and this page do not understand each other', error);
        this.#socket.close();
        return;
      }
      events.message(message);
    };
    this.#socket.onclose = this.#closed;
  }

  /** Sends, or keeps the message until the socket is open. */
  send(message: BrowserMessage): void {
    const frame = JSON.stringify(message);
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(frame);
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  close(): void {
    this.#socket.close();
  }

  /** Gives up a socket whose other end may be out of reach: its close would wait for an answer. */
  drop(): void {
    this.#socket.close();
    this.#closed();
  }
}
