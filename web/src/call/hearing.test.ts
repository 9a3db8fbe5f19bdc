import { expect, it } from 'vitest';
import { Hearing, stopMS } from './hearing';

it('tells once that nothing arrives any more, and again after something did', () => {
  const h = new Hearing();
  const told: number[] = [];
  const look = (newest: number, now: number): void => {
    if (h.stopped(newest, now)) told.push(now);
  };
  look(0, 10_000); // nothing ever came
  look(10_400, 10_500);
  look(10_400, 10_400 + stopMS - 1);
  expect(told).toEqual([]);
  look(10_400, 10_400 + stopMS);
  look(10_400, 20_000);
  look(20_300, 20_500);
  look(20_300, 30_000);
  expect(told).toEqual([10_400 + stopMS, 30_000]);
});
