import { describe, expect, it } from 'vitest';
import { planSeats } from './seats';

const wish = (track: string) => ({ track, width: 320, height: 180 });
const seats = (...pairs: [string, string][]) => new Map(pairs.map(([mid, track]) => [mid, { track }]));
const asked = (mid: string, track: string, priority: number) => ({ mid, track, width: 320, height: 180, priority });

describe('planning seats', () => {
  it('fills free seats in order of wish', () => {
    const plan = planSeats(['1', '2'], seats(['1', ''], ['2', '']), [wish('a'), wish('b')]);
    expect(plan.map((r) => [r.mid, r.track])).toEqual([['1', 'a'], ['2', 'b']]);
    expect(plan[0]?.priority).toBeGreaterThan(plan[1]?.priority ?? 9);
  });
  it('leaves who is seated alone', () => {
    const before = new Map([['1', asked('1', 'b', 1)], ['2', asked('2', 'a', 2)]]);
    expect(planSeats(['1', '2'], seats(['1', 'b'], ['2', 'a']), [wish('a'), wish('b')], before)).toEqual([]);
  });
  it('asks again for who is shown larger', () => {
    const before = new Map([['1', asked('1', 'a', 1)]]);
    const plan = (width: number) => planSeats(['1'], seats(['1', 'a']), [{ track: 'a', width, height: 180 }], before);
    expect(plan(640)).toEqual([{ mid: '1', track: 'a', width: 640, height: 180, priority: 1 }]);
    expect(plan(330)).toEqual([]);
  });
  it('gives the seat of who is no longer wished for to somebody else', () => {
    expect(planSeats(['1'], seats(['1', 'a']), [wish('b')]).map((r) => [r.mid, r.track])).toEqual([['1', 'b']]);
  });
  it('empties what nobody wishes for', () => {
    expect(planSeats(['1'], seats(['1', 'a']), [])).toEqual([{ mid: '1', track: '' }]);
  });
  it('drops wishes beyond the seats, the least wanted first', () => {
    expect(planSeats(['1'], seats(['1', 'b']), [wish('a'), wish('b')]).map((r) => r.track)).toEqual(['a']);
  });
  it('seats a picture once', () => {
    const before = new Map([['1', asked('1', 'a', 1)]]);
    expect(planSeats(['1', '2'], seats(['1', 'a'], ['2', 'a']), [wish('a')], before)).toEqual([{ mid: '2', track: '' }]);
  });
});
