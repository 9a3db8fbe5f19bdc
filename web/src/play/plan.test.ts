import { describe, expect, it } from 'vitest';
import { clock, covers, currentOf, needed } from './plan';

const pieces = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((number) =>
  number === 0 ? { number, start_ms: 0, end_ms: 0 } : { number, start_ms: 10_000 + number * 2000, end_ms: 12_000 + number * 2000 },
);

describe('what a player loads', () => {
  it('is what lies around the clock, never the header', () => {
    expect(needed(pieces, 12_000, false).map((p) => p.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(needed(pieces, 0, false).map((p) => p.number)).toEqual([1, 2, 3]);
  });
  it('begins early enough for a keyframe', () => {
    expect(needed(pieces, 24_000, true)[0]?.number).toBe(3);
    expect(needed(pieces, 24_000, false)[0]?.number).toBe(6);
  });
  it('is nothing in a pause', () => {
    expect(covers(pieces, 11_000)).toBe(false);
    expect(covers(pieces, 12_500)).toBe(true);
    expect(covers(pieces, 40_000)).toBe(false);
  });
});

describe('the sentence being said', () => {
  it('is the last one that has begun', () => {
    const starts = [1000, 2000, 5000];
    expect([0, 1000, 1999, 2000, 9000].map((at) => currentOf(starts, at))).toEqual([-1, 0, 0, 1, 2]);
    expect(currentOf([], 5)).toBe(-1);
  });
});

it('writes times as people read them', () => {
  expect([0, 65_000, 3_725_000, -5].map(clock)).toEqual(['0:00', '1:05', '1:02:05', '0:00']);
});
