// The words of the interface. Keys are typed from en.json; the other languages are loaded when chosen.

import en from './en.json';

export type Key = keyof typeof en;
export const languages = ['en', 'zh-Hant-HK', 'zh-Hans'] as const;
export type Language = (typeof languages)[number];
type Table = Record<string, string>;

const loaders: Record<Language, () => Promise<Table>> = {
  en: () => Promise.resolve(en),
  'zh-Hant-HK': async () => (await import('./zh-Hant-HK.json')).default,
  'zh-Hans': async () => (await import('./zh-Hans.json')).default,
};

/** The language of the interface for what a browser prefers. */
export function negotiate(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const lower = tag.toLowerCase();
    if (/^(yue|zh-(hk|mo|tw|hant))/.test(lower)) return 'zh-Hant-HK';
    if (lower.startsWith('zh')) return 'zh-Hans';
    if (lower.startsWith('en')) return 'en';
  }
  return 'en';
}

let table: Table = en;
let language: Language = 'en';

export function current(): Language {
  return language;
}

export async function use(next: Language): Promise<void> {
  table = await loaders[next]();
  language = next;
}

/** The text of a key, its {parameters} filled in; a key with _one and _other goes by `count`. */
export function t(key: Key, parameters: Record<string, string | number> = {}): string {
  return fill(table[key] ?? en[key], parameters);
}

type PluralKey = Extract<Key, `${string}_other`> extends `${infer Base}_other` ? Base : never;

/** The text for a number of things. */
export function tn(key: PluralKey, count: number, parameters: Record<string, string | number> = {}): string {
  const form = new Intl.PluralRules(language).select(count) === 'one' ? 'one' : 'other';
  const full = `${key}_${form}` as Key;
  return fill(table[full] ?? en[full], { count, ...parameters });
}

function fill(text: string, parameters: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole));
}
