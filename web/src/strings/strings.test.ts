import { describe, expect, it } from 'vitest';
import en from './en.json';
import hans from './zh-Hans.json';
import hant from './zh-Hant-HK.json';
import { negotiate, t, tn } from './index';

const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe('the languages', () => {
  for (const [name, table] of Object.entries({ hant, hans })) {
    it(`${name} has every key, with its parameters, translated`, () => {
      expect(Object.keys(table).sort()).toEqual(Object.keys(en).sort());
      for (const [key, text] of Object.entries(en)) {
        const other = (table as Record<string, string>)[key] ?? '';
        expect(placeholders(other), key).toEqual(placeholders(text));
        expect(other, key).not.toEqual(text);
      }
    });
  }

  it('follow what the browser prefers', () => {
    expect(negotiate(['yue-HK', 'en'])).toBe('zh-Hant-HK');
    expect(negotiate(['zh-TW'])).toBe('zh-Hant-HK');
    expect(negotiate(['zh-CN', 'en'])).toBe('zh-Hans');
    expect(negotiate(['fr', 'en-GB'])).toBe('en');
    expect(negotiate([])).toBe('en');
  });

  it('fill in parameters and count', () => {
    expect(t('record.region', { region: 'hk' })).toBe('Kept in: hk');
    expect(tn('room.peopleCount', 1)).toBe('1 person');
    expect(tn('room.peopleCount', 3)).toBe('3 people');
  });
});
