import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { againMS, Doubt, knockMS, silentMS } from './doubt';
import type { Failure } from './messages';

/** A socket beside the line, of which the test decides whether and when it opens. */
class Knock {
  closed = false;
  constructor(readonly opened: () => void, readonly failed: () => void) {}
  close(): void {
    this.closed = true;
    this.failed(); // a socket that is closed tells so, as one that could not be opened does
  }
}

/** A doubt, what it asked, its sockets, and what it gave the line up for. */
function begin() {
  const asked: number[] = [];
  const knocks: Knock[] = [];
  const dead: (Knock | null)[] = [];
  const doubt = new Doubt<Knock>({
    ask: (seq) => asked.push(seq),
    knock: (opened, failed) => {
      const knock = new Knock(opened, failed);
      knocks.push(knock);
      return knock;
    },
    dead: (fresh) => dead.push(fresh),
  });
  return { doubt, asked, knocks, dead };
}

const refusal = (re: string, kind = 'invalid'): Failure => ({
  type: 'error', kind, say: 'No.', re, key: '', retry_ms: 0, fatal: false,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a line that is doubted', () => {
  it('goes on when it answers', () => {
    const d = begin();
    d.doubt.ask('doubt');
    d.doubt.answered(1);
    vi.advanceTimersByTime(10 * silentMS);
    expect(d).toMatchObject({ asked: [1], knocks: [], dead: [] });
  });
  it('goes on however late it answers, as long as no other socket is open before', () => {
    const d = begin();
    d.doubt.ask('doubt');
    vi.advanceTimersByTime(silentMS - 1);
    expect(d.knocks).toHaveLength(1);
    d.doubt.answered(1);
    expect(d.knocks[0]?.closed).toBe(true);
    d.knocks[0]?.opened(); // it was on its way
    vi.advanceTimersByTime(10 * silentMS);
    expect(d.dead).toEqual([]);
  });
  it('is dead when another socket is open first, which is gone on with', () => {
    const d = begin();
    d.doubt.ask('doubt');
    vi.advanceTimersByTime(knockMS - 1);
    expect(d.knocks).toHaveLength(0);
    vi.advanceTimersByTime(1);
    d.knocks[0]?.opened();
    expect(d.dead).toEqual([d.knocks[0]]);
    expect(d.knocks[0]?.closed).toBe(false);
    d.doubt.answered(1);
    vi.advanceTimersByTime(10 * silentMS);
    expect(d.dead).toHaveLength(1);
  });
  it('is given up when nothing is heard at all', () => {
    const d = begin();
    d.doubt.ask('doubt');
    vi.advanceTimersByTime(silentMS - 1);
    expect(d.dead).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(d.dead).toEqual([null]);
    expect(d.knocks.every((k) => k.closed)).toBe(true);
  });
  it('is not knocked beside while something long is on its way', () => {
    const d = begin();
    d.doubt.ask('wait');
    vi.advanceTimersByTime(silentMS - 1);
    expect(d).toMatchObject({ asked: [1], knocks: [], dead: [] });
    vi.advanceTimersByTime(1);
    expect(d.dead).toEqual([null]);
  });
  it('is asked once at a time', () => {
    const d = begin();
    for (let n = 0; n < 5; n++) d.doubt.ask('doubt');
    expect(d.asked).toEqual([1]);
    d.doubt.answered(1);
    d.doubt.ask('doubt');
    d.doubt.answered(1); // of before
    expect(d.asked).toEqual([1, 2]);
    vi.advanceTimersByTime(silentMS);
    expect(d.dead).toEqual([null]);
  });
  it('knocks at once in another network, and again when it changes again', () => {
    const d = begin();
    d.doubt.ask('change');
    expect(d.knocks).toHaveLength(1);
    d.doubt.ask('change');
    expect(d.asked).toEqual([1]);
    expect(d.knocks.map((k) => k.closed)).toEqual([true, false]);
    d.knocks[0]?.opened();
    expect(d.dead).toEqual([]);
    d.knocks[1]?.opened();
    expect(d.dead).toEqual([d.knocks[1]]);
  });
  it('knocks again where nothing opens, ever less often', () => {
    const d = begin();
    d.doubt.ask('change');
    for (let n = 0; n < 3; n++) {
      d.knocks.at(-1)?.failed();
      vi.advanceTimersByTime(againMS * 2 ** n - 1);
      expect(d.knocks).toHaveLength(n + 1);
      vi.advanceTimersByTime(1);
      expect(d.knocks).toHaveLength(n + 2);
    }
  });
  it('is asked no more by itself when there is none', () => {
    const d = begin();
    d.doubt.ask('change');
    d.doubt.reset();
    vi.advanceTimersByTime(10 * silentMS);
    expect(d.dead).toEqual([]);
    expect(d.knocks.every((k) => k.closed)).toBe(true);
  });
});

describe('an error as an answer', () => {
  it('of a server that does not know the question: it is alive, and is not asked again', () => {
    const d = begin();
    d.doubt.ask('change');
    expect(d.doubt.refused(refusal(''))).toBe(true);
    d.doubt.ask('change');
    vi.advanceTimersByTime(10 * silentMS);
    expect(d).toMatchObject({ asked: [1], dead: [] });
    expect(d.doubt.deaf).toBe(true);
    d.doubt.reset(); // the next line may lead to another server
    d.doubt.ask('doubt');
    expect(d.asked).toEqual([1, 2]);
  });
  it('of one that was asked too often: it is alive', () => {
    const d = begin();
    d.doubt.ask('doubt');
    expect(d.doubt.refused(refusal('ping', 'too-large'))).toBe(true);
    vi.advanceTimersByTime(10 * silentMS);
    expect(d.dead).toEqual([]);
    d.doubt.ask('doubt');
    expect(d.asked).toEqual([1, 2]);
  });
  it('about something else is none', () => {
    const d = begin();
    expect(d.doubt.refused(refusal(''))).toBe(false);
    d.doubt.ask('doubt');
    expect(d.doubt.refused(refusal('chat'))).toBe(false);
    expect(d.doubt.refused({ ...refusal(''), fatal: true })).toBe(false);
    vi.advanceTimersByTime(silentMS);
    expect(d.dead).toEqual([null]);
  });
});
