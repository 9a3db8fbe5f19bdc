import { describe, expect, it } from 'vitest';
import { columns, pageOf } from './grid';

describe('the grid', () => {
  it('fills a wide box sideways and a tall one downwards', () => {
    expect([1, 2, 3, 4, 9].map((n) => columns(n, 1280, 700))).toEqual([1, 2, 2, 2, 3]);
    expect([1, 2, 4, 6].map((n) => columns(n, 360, 640))).toEqual([1, 1, 1, 2]);
  });
  it('has a column even in no box', () => expect(columns(4, 0, 0)).toBe(1));
});

describe('pages', () => {
  it('hold so many, and stay in range', () => {
    const all = [1, 2, 3, 4, 5];
    expect(pageOf(all, 0, 2)).toEqual({ shown: [1, 2], page: 0, pages: 3 });
    expect(pageOf(all, 9, 2)).toEqual({ shown: [5], page: 2, pages: 3 });
    expect(pageOf([], 3, 2)).toEqual({ shown: [], page: 0, pages: 1 });
  });
});
