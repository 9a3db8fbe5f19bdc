import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Chat, Failure } from './messages';
import { mostOutgoing, Outbox, type Outgoing, readOutgoing, silentMS, slowMS } from './outbox';

/** An outbox, and what it sends, by text; dead counts the sockets it gave up. */
function open(lines: readonly Outgoing[] = []) {
  const sent: string[] = [];
  const way = { sent, dead: 0, slow: 0, shown: lines };
  const outbox = new Outbox(lines, {
    send: (line) => sent.push(line.text),
    slow: () => way.slow++,
    silent: () => way.dead++,
    changed: (now) => (way.shown = now),
  });
  return Object.assign(way, { outbox, key: (text: string) => outbox.lines.find((l) => l.text === text)?.key ?? '' });
}

const refusal = (key: string, retry_ms = 0): Failure => ({
  type: 'error', kind: 'too-large', say: 'Too much.', re: 'chat', key, retry_ms, fatal: false,
});
const line = (text: string): Chat => ({ type: 'chat', key: '', id: `id of ${text}`, participant: 'me', at_ms: 1, text });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('lines of chat on their way', () => {
  it('go out one after the other, in order', () => {
    const o = open();
    o.outbox.opened('me', []);
    for (const text of ['a', 'b', 'c']) o.outbox.add(text);
    expect(o.sent).toEqual(['a']);
    o.outbox.confirmed(o.key('a'));
    o.outbox.confirmed(o.key('b'));
    expect(o.sent).toEqual(['a', 'b', 'c']);
    o.outbox.confirmed(o.key('c'));
    expect(o.shown).toEqual([]);
  });
  it('wait for a socket, and go out again on every new one until they are confirmed', () => {
    const o = open();
    o.outbox.add('a');
    expect(o.sent).toEqual([]);
    for (let sockets = 0; sockets < 3; sockets++) {
      o.outbox.opened('me', []);
      o.outbox.closed();
    }
    expect(o.sent).toEqual(['a', 'a', 'a']);
    expect(new Set(o.shown.map((l) => l.key)).size).toBe(1);
    o.outbox.opened('me', []);
    o.outbox.confirmed(o.key('a'));
    o.outbox.opened('me', []);
    expect(o.sent).toHaveLength(4);
  });
  it('give a socket up that does not answer', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    vi.advanceTimersByTime(slowMS);
    expect(o.slow).toBe(1);
    vi.advanceTimersByTime(silentMS - slowMS - 1);
    expect(o.dead).toBe(0);
    vi.advanceTimersByTime(1);
    expect(o.dead).toBe(1);
    o.outbox.opened('me', []);
    o.outbox.confirmed(o.key('a'));
    vi.advanceTimersByTime(10 * silentMS);
    expect(o.dead).toBe(1);
    expect(o.slow).toBe(1);
  });
  it('that came too fast go out later, before those behind them', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    o.outbox.add('b');
    o.outbox.refused(refusal(o.key('a'), 1000));
    expect(o.sent).toEqual(['a']);
    vi.advanceTimersByTime(1000);
    expect(o.sent).toEqual(['a', 'a']);
    o.outbox.confirmed(o.key('a'));
    expect(o.sent).toEqual(['a', 'a', 'b']);
    expect(o.dead).toBe(0);
  });
  it('that are refused for good stay, hold nothing up, and can be sent again or discarded', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    o.outbox.add('b');
    o.outbox.refused(refusal(o.key('a')));
    expect(o.sent).toEqual(['a', 'b']);
    expect(o.shown.map((l) => l.failed)).toEqual(['Too much.', '']);
    const key = o.key('a');
    o.outbox.again(key);
    o.outbox.confirmed(o.key('b'));
    expect(o.sent).toEqual(['a', 'b', 'a']);
    expect(o.key('a')).toBe(key);
    o.outbox.discard(key);
    expect(o.shown).toHaveLength(1); // it is on its way
    o.outbox.refused(refusal(key));
    o.outbox.discard(key);
    expect(o.shown).toEqual([]);
  });
  it('are refused by an error without a key, which an older server sends', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    o.outbox.refused(refusal(''));
    expect(o.shown[0]?.failed).toBe('Too much.');
  });
  it('are not shown twice while the server is asked whether it has them', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    o.outbox.add('b');
    o.outbox.closed();
    o.outbox.opened('me', [line('a')]);
    expect(o.sent).toEqual(['a', 'a']);
    expect(o.shown.map((l) => l.there)).toEqual([true, false]);
    o.outbox.confirmed(o.key('a'));
    expect(o.shown.map((l) => l.text)).toEqual(['b']);
  });
  it('all go out at once when nothing can be sent later', () => {
    const o = open();
    for (const text of ['a', 'b']) o.outbox.add(text);
    expect(o.outbox.flush()).toBe(false);
    o.outbox.opened('me', []);
    expect(o.outbox.flush()).toBe(true);
    expect(o.sent).toEqual(['a', 'a', 'b']);
  });
  it('wait for a person to decide when their sender could not come back as the same participant', () => {
    const o = open();
    o.outbox.opened('me', []);
    o.outbox.add('a');
    o.outbox.add('b'); // waits behind a: it was never sent
    const again = open(readOutgoing(JSON.parse(JSON.stringify(o.shown)))); // a reload in between
    again.outbox.opened('another', []);
    expect(again.sent).toEqual(['b']);
    expect(again.shown.map((l) => l.unsure)).toEqual([true, false]);
    again.outbox.closed();
    again.outbox.opened('another', []);
    expect(again.sent).toEqual(['b', 'b']);
    again.outbox.again(again.key('a'));
    again.outbox.confirmed(again.key('b'));
    expect(again.sent).toEqual(['b', 'b', 'a']);
    again.outbox.opened('a third', []);
    expect(again.shown.map((l) => l.unsure)).toEqual([true]);
    again.outbox.discard(again.key('a'));
    expect(again.shown).toEqual([]);
  });
  it('are not kept without end', () => {
    const o = open();
    for (let n = 0; n < mostOutgoing; n++) expect(o.outbox.add(`${n}`)).toBe(true);
    expect(o.outbox.add('one more')).toBe(false);
    expect(o.shown).toHaveLength(mostOutgoing);
  });
  it('survive a reload, and nothing else is taken for one', () => {
    const o = open();
    o.outbox.add('a');
    const again = open(readOutgoing(JSON.parse(JSON.stringify(o.shown))));
    again.outbox.opened('me', []);
    expect(again.sent).toEqual(['a']);
    expect(again.key('a')).toBe(o.key('a'));
    expect(readOutgoing([null, 1, {}, { key: 'a b', text: 'x' }, { key: 'k', text: '' }, { key: 'k', text: 'x' }])).toEqual([
      { key: 'k', text: 'x', failed: '', there: false, by: '', unsure: false },
    ]);
    expect(readOutgoing({ length: 1 })).toEqual([]);
  });
});
