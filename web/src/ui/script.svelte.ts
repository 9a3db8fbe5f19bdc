// In which script Chinese is shown. What is kept stays as it was heard: this is for the eye alone.

import { type Convert, converterTo } from './convert';

const key = 'parley.script';
export const scripts = ['', 'hant', 'hans'] as const; // as heard, traditional, simplified
export type Script = (typeof scripts)[number];

let choice = $state<Script>(scripts.find((s) => s === localStorage.getItem(key)) ?? '');
let convert = $state.raw<Convert | null>(null); // null while its tables are on their way

async function load(): Promise<void> {
  const wanted = choice;
  convert = null;
  if (wanted === '') return;
  const made = await converterTo(wanted);
  if (wanted === choice) convert = made;
}

export const chosen = (): Script => choice;

if (chosen() !== '') void load();

/** Changes the script, for this browser and from now on. */
export function choose(next: Script): void {
  choice = next;
  localStorage.setItem(key, next);
  void load();
}

const isChinese = (lang: string): boolean => lang === 'zh' || lang === 'yue';

/** Text as it is to be seen; what is no Chinese, or cannot be converted yet, as it is. */
export function seen(text: string, lang: string): string {
  return convert !== null && isChinese(lang) ? convert(text) : text;
}

/** The language tag that goes with it, for fonts and readers. */
export function tag(lang: string): string | undefined {
  if (lang === '') return undefined;
  return convert !== null && isChinese(lang) ? `${lang}-${choice === 'hant' ? 'Hant' : 'Hans'}` : lang;
}
