import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { renewMS, Servers } from './servers';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const one = [{ urls: ['turn:a'] }];
const two = [{ urls: ['turn:b'] }];

test('servers grow old, and are asked for again', async () => {
  const ask = vi.fn(() => Promise.resolve(two));
  const servers = new Servers(one, ask);
  expect(servers.old).toBe(false);
  vi.advanceTimersByTime(renewMS + 1);
  expect(servers.old).toBe(true);
  await servers.renew();
  expect(servers.list).toBe(two);
  expect(servers.old).toBe(false);
});

test('who has none is not asked', async () => {
  const ask = vi.fn(() => Promise.resolve(two));
  const servers = new Servers([], ask);
  vi.advanceTimersByTime(renewMS + 1);
  expect(servers.old).toBe(false);
  await servers.renew();
  expect(ask).not.toHaveBeenCalled();
});

test('what is known stays when nobody answers', async () => {
  const failing = new Servers(one, () => Promise.reject(new Error('offline')));
  await failing.renew();
  expect(failing.list).toBe(one);
  let answer: (list: RTCIceServer[]) => void = () => undefined;
  const slow = new Servers(one, () => new Promise((done) => (answer = done)));
  const waiting = slow.renew();
  await vi.advanceTimersByTimeAsync(2001);
  await waiting;
  expect(slow.list).toBe(one);
  answer(two);
  await vi.advanceTimersByTimeAsync(0);
  expect(slow.list).toBe(two);
});

test('what was expired stays old until there is an answer', async () => {
  let up = false;
  const servers = new Servers(one, () => (up ? Promise.resolve(two) : Promise.reject(new Error('down'))));
  servers.expire();
  await servers.renew();
  expect(servers.old).toBe(true);
  up = true;
  await servers.renew();
  expect(servers.old).toBe(false);
  expect(servers.list).toBe(two);
});
