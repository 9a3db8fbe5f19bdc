import { expect, it } from 'vitest';
import { keepVoice, readVoice } from './voice';

it('how somebody is heard is remembered', () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
  expect(readVoice(storage)).toEqual({ language: '', several: false });
  for (const voice of [{ language: 'yue', several: true }, { language: '', several: true }, { language: 'en', several: false }] as const) {
    keepVoice(storage, voice);
    expect(readVoice(storage)).toEqual(voice);
  }
  kept.set('parley.voice', 'klingon yes');
  expect(readVoice(storage)).toEqual({ language: '', several: false });
});
