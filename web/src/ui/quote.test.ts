import { describe, expect, it } from 'vitest';
import { wholeWords } from './quote';

describe('a selection', () => {
  const text = 'I will send the final text';
  it('is made up to whole words', () => {
    expect(wholeWords(text, 3, 9)).toBe('will send');
    expect(wholeWords(text, 0, text.length)).toBe(text);
    expect(wholeWords(text, 2, 6)).toBe('will');
  });
  it('leaves Chinese as it was selected', () => {
    expect(wholeWords('我今晚send畀你', 1, 5)).toBe('今晚send');
    expect(wholeWords('我今晚發畀你', 1, 4)).toBe('今晚發');
  });
  it('may hold nothing', () => {
    expect(wholeWords(text, 6, 7)).toBe('');
    expect(wholeWords(text, 4, 4)).toBe('');
  });
});
