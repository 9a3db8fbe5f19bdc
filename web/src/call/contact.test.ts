import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Contact } from './contact';
import type { Line } from './line';
import type { BrowserMessage, ServerMessage } from './messages';

/** A WebSocket whose other end is the test. */
class Socket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 0;
  sent: BrowserMessage[] = [];
  onopen = (): void => undefined;
  onmessage = (_: { data: string }): void => undefined;
  onclose = (): void => undefined;

  constructor() {
    Socket.all.push(this);
  }
  send(frame: string): void {
    this.sent.push(JSON.parse(frame) as BrowserMessage);
  }
  close(): void {
    this.readyState = 2; // and nobody answers
  }
  open(): void {
    this.readyState = 1;
    this.onopen();
  }
  say(message: object): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
  lose(): void {
    this.readyState = 3;
    this.onclose();
  }
}

const status = { type: 'status', recording: false, words: true };
const joined = {
  type: 'joined', you: 'p1', role: 'host', resume: 'token', sdp: 'v=0', now_ms: 1, roster: [], seats: [], status,
  meeting: { id: 'm', title: '', region: 'eu', started: '', record: false },
};

/** A contact, what it told, and its sockets; join makes the newest of them a line that has joined. */
function begin() {
  const begun: { line: Line; again: boolean }[] = [];
  const heard: ServerMessage['type'][] = [];
  const told = { begun, heard, away: 0 };
  const contact = new Contact('m', {
    begun: (line, again) => begun.push({ line, again }),
    message: (m) => heard.push(m.type),
    away: () => told.away++,
  });
  contact.start();
  const join = (socket = socketOf(-1)): void => {
    contact.request({ type: 'join', name: 'Nora', consent: '', offer: { sdp: 'v=0', sources: {} } });
    if (socket.readyState === 0) socket.open();
    socket.say(joined);
    contact.well();
  };
  return Object.assign(told, { contact, join });
}
function socketOf(n: number): Socket {
  const socket = Socket.all.at(n);
  if (socket === undefined) throw new Error('there are not that many sockets');
  return socket;
}
const pings = (socket: Socket): number[] => socket.sent.flatMap((m) => (m.type === 'ping' ? [m.seq] : []));

beforeEach(() => {
  vi.useFakeTimers();
  Socket.all = [];
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal('location', { href: 'http://localhost/' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the way to the server', () => {
  it('goes on by a second line when the first is dead, within a second', () => {
    const c = begin();
    c.join();
    c.contact.suspect('doubt');
    expect(pings(socketOf(0))).toEqual([1]);
    vi.advanceTimersByTime(1000);
    socketOf(1).open();
    expect(c.begun.map((b) => b.again)).toEqual([false, true]);
    expect(c.away).toBe(1);
    expect(c.contact.joined).toBe(false);
    socketOf(0).say(status); // what was under way there is not for us
    c.join(socketOf(1));
    expect(c.heard).toEqual(['joined', 'joined']);
    socketOf(0).lose(); // minutes later
    vi.advanceTimersByTime(60_000);
    expect(Socket.all).toHaveLength(2);
  });
  it('stays with a line that answers late', () => {
    const c = begin();
    c.join();
    c.contact.suspect('change');
    vi.advanceTimersByTime(5000);
    socketOf(0).say({ type: 'pong', seq: 1 });
    socketOf(1).open();
    vi.advanceTimersByTime(60_000);
    expect(c).toMatchObject({ away: 0, heard: ['joined'] });
    expect(c.contact.joined).toBe(true);
  });
  it('is not asked behind an answer that takes its time, unless the network is another', () => {
    const c = begin();
    c.join();
    c.contact.suspect('doubt');
    socketOf(0).say({ type: 'pong', seq: 1 });
    c.contact.request({ type: 'offer', seq: 1, sdp: 'v=0', sources: {} });
    c.contact.suspect('doubt');
    expect(pings(socketOf(0))).toEqual([1]);
    c.contact.suspect('change');
    expect(pings(socketOf(0))).toEqual([1, 2]);
    socketOf(0).say({ type: 'pong', seq: 2 });
    socketOf(0).say({ type: 'answer', seq: 1, sdp: 'v=0' });
    c.contact.suspect('doubt');
    expect(pings(socketOf(0))).toEqual([1, 2, 3]);
  });
  it('is begun anew at once in another network, whether a line is opening or waited for', () => {
    const c = begin();
    c.join();
    for (let lost = 0; lost < 4; lost++) {
      socketOf(-1).lose();
      vi.advanceTimersByTime(8000);
    }
    const before = Socket.all.length;
    socketOf(-1).lose();
    c.contact.suspect('doubt'); // no reason to hurry
    expect(Socket.all).toHaveLength(before);
    c.contact.suspect('change');
    expect(Socket.all).toHaveLength(before + 1);
    c.contact.suspect('change');
    expect(Socket.all).toHaveLength(before + 2);
    c.join();
    vi.advanceTimersByTime(60_000);
    expect(Socket.all).toHaveLength(before + 2);
  });
  it('keeps a line whose server does not know pings, asks it once, and says nothing of it', () => {
    const c = begin();
    c.join();
    c.contact.suspect('change');
    socketOf(0).say({ type: 'error', kind: 'invalid', say: 'the message type "ping" is not known', fatal: false });
    c.contact.suspect('change');
    vi.advanceTimersByTime(60_000);
    expect(pings(socketOf(0))).toEqual([1]);
    expect(c).toMatchObject({ away: 0, heard: ['joined'] });
  });
  it('gives a line up that leaves a request unanswered', () => {
    const c = begin();
    c.join();
    c.contact.request({ type: 'offer', seq: 1, sdp: 'v=0', sources: {} });
    vi.advanceTimersByTime(11_999);
    expect(c.away).toBe(0);
    expect(pings(socketOf(0))).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(c.away).toBe(1);
    vi.advanceTimersByTime(300);
    expect(Socket.all).toHaveLength(2);
  });
  it('waits longer for a request while the line answers, but not for ever', () => {
    const c = begin();
    c.join();
    c.contact.request({ type: 'offer', seq: 1, sdp: 'v=0', sources: {} });
    for (let n = 1; n < 8; n++) {
      expect(c.away).toBe(0);
      vi.advanceTimersByTime(4000);
      expect(pings(socketOf(0))).toHaveLength(n);
      socketOf(0).say({ type: 'pong', seq: n });
    }
    vi.advanceTimersByTime(4000);
    expect(c.away).toBe(1);
    expect(Socket.all).toHaveLength(1); // nobody knocked
  });
  it('does not wait longer for a server that knows no pings', () => {
    const c = begin();
    c.join();
    c.contact.request({ type: 'offer', seq: 1, sdp: 'v=0', sources: {} });
    vi.advanceTimersByTime(4000);
    socketOf(0).say({ type: 'error', kind: 'invalid', say: 'the message type "ping" is not known', fatal: false });
    vi.advanceTimersByTime(4000);
    expect(c.away).toBe(1);
  });
  it('has joining as its first message, and asks nothing before', () => {
    const c = begin();
    socketOf(0).open();
    vi.advanceTimersByTime(7999);
    expect(socketOf(0).sent).toEqual([]);
    expect(c.away).toBe(0);
    vi.advanceTimersByTime(1);
    expect(c.away).toBe(1);
    vi.advanceTimersByTime(300);
    vi.advanceTimersByTime(7999); // this one does not open
    expect(c.away).toBe(1);
    vi.advanceTimersByTime(1);
    expect(c.away).toBe(2);
  });
  it('is not sought any more after the end', () => {
    const c = begin();
    c.join();
    c.contact.suspect('doubt');
    c.contact.finish();
    socketOf(0).lose();
    c.contact.suspect('change');
    vi.advanceTimersByTime(60_000);
    expect(Socket.all).toHaveLength(1);
    expect(c.away).toBe(0);
  });
});
