// What is said, as it is shown: an utterance grows, then its final stands.

import type { Caption } from './messages';

/** A caption on the screen; `corrected` when its final changed words that were shown. */
export type Shown = Caption & { corrected: boolean };

/** What comes as history: all of it final, nothing of it was shown before. */
export const settled = (captions: readonly Caption[]): Shown[] => captions.map((c) => ({ ...c, corrected: false }));

/** Takes a caption into what is shown, in order of speaking; at most `most` lines. */
export function merge(shown: readonly Shown[], next: Caption, most: number): readonly Shown[] {
  const before = shown.find((c) => c.utterance === next.utterance);
  if (before?.final === true && !next.final) return shown; // late: the final stands
  const others = shown.filter((c) => c.utterance !== next.utterance);
  if (next.text === '') return before === undefined ? shown : others; // there was nothing after all
  const corrected = next.final && before !== undefined && (before.corrected || !continues(next.text, before.text));
  return [...others, { ...next, corrected }].sort((a, b) => a.start_ms - b.start_ms).slice(-most);
}

/** Whether a text begins with another, as the ear hears it: points and capitals do not count. */
export function continues(text: string, beginning: string): boolean {
  return plain(text).startsWith(plain(beginning));
}

const plain = (text: string): string => text.toLowerCase().replace(/[\p{P}\p{S}\s]+/gu, '');
