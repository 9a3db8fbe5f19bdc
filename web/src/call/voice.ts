// How somebody is heard, as this browser remembers it: the language they speak, and whether they share
// their microphone.

import { type Spoken, spoken } from './messages';

export interface Voice {
  language: Spoken | '';
  several: boolean;
}

const key = 'parley.voice';

export function readVoice(storage: Pick<Storage, 'getItem'>): Voice {
  const [language, several] = (storage.getItem(key) ?? '').split(' ');
  return { language: spoken.find((s) => s === language) ?? '', several: several === 'several' };
}

export function keepVoice(storage: Pick<Storage, 'setItem'>, voice: Voice): void {
  storage.setItem(key, `${voice.language} ${voice.several ? 'several' : ''}`);
}
