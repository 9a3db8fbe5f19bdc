import { describe, expect, it } from 'vitest';
import { continues, merge, settled, type Shown } from './captions';
import type { Caption } from './messages';

const caption = (utterance: string, text: string, final = true, start_ms = 0): Caption => ({
  type: 'caption',
  utterance,
  participant: 'p',
  start_ms,
  end_ms: start_ms + 1000,
  text,
  lang: 'en',
  final,
});
const after = (...all: Caption[]): readonly Shown[] => all.reduce<readonly Shown[]>((shown, c) => merge(shown, c, 3), []);
const texts = (shown: readonly Shown[]): string[] => shown.map((c) => c.text);

describe('captions', () => {
  it('grow in their place', () => {
    const shown = after(caption('a', 'we', false), caption('b', 'yes', true, 500), caption('a', 'we go', false));
    expect(texts(shown)).toEqual(['we go', 'yes']);
    expect(shown.map((c) => c.final)).toEqual([false, true]);
  });
  it('are corrected by the final, and say so', () => {
    expect(after(caption('a', 'we sent', false), caption('a', 'We send the offer.'))[0]?.corrected).toBe(true);
    expect(after(caption('a', 'we send', false), caption('a', 'We send the offer.'))[0]?.corrected).toBe(false);
    expect(after(caption('a', 'We send the offer.'))[0]?.corrected).toBe(false);
  });
  it('stay corrected when the final comes twice', () => {
    expect(after(caption('a', 'we sent', false), caption('a', 'We send.'), caption('a', 'We send.'))[0]?.corrected).toBe(true);
  });
  it('vanish when there was nothing after all', () => {
    expect(after(caption('a', 'you', false), caption('a', ''))).toEqual([]);
    expect(after(caption('a', ''))).toEqual([]);
  });
  it('do not go back from a final to less', () => {
    expect(texts(after(caption('a', 'We go.'), caption('a', 'we', false)))).toEqual(['We go.']);
  });
  it('are in order of speaking, the last few', () => {
    const shown = after(caption('d', '4', true, 4), caption('a', '1', true, 1), caption('c', '3', true, 3), caption('b', '2', true, 2));
    expect(texts(shown)).toEqual(['2', '3', '4']);
  });
  it('of the past were not corrected', () => expect(settled([caption('a', 'x')])[0]?.corrected).toBe(false));
});

describe('a text that continues another', () => {
  it('may differ in points and capitals', () => {
    expect(continues('We send: the offer', 'we send')).toBe(true);
    expect(continues('財務部，下週', '財務部下')).toBe(true);
    expect(continues('we sent', 'we send')).toBe(false);
  });
});
