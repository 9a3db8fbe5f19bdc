// What a person has set for this browser: the language. The theme is the system's.

import { current, type Language, languages, negotiate, use } from '../strings';

const key = 'parley.language';

function followTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => void document.documentElement.classList.toggle('dark', dark.matches);
  dark.addEventListener('change', apply);
  apply();
}

/** Prepares the page before anything is drawn. */
export async function start(): Promise<void> {
  followTheme();
  const stored = languages.find((l) => l === localStorage.getItem(key));
  await speak(stored ?? negotiate(navigator.languages));
}

async function speak(language: Language): Promise<void> {
  await use(language);
  document.documentElement.lang = current();
}

/** Changes the language, for this browser and from now on. */
export async function choose(language: Language): Promise<void> {
  localStorage.setItem(key, language);
  await speak(language);
}
