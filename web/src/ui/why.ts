// Why an entry was found, in words. The server names cues; what they have in common is their kind.

import { type Key, t } from '../strings';

const kinds: Record<string, Key> = {
  commit: 'why.commit',
  request: 'why.request',
  assign: 'why.assign',
  owe: 'why.owe',
  all: 'why.all',
  open: 'why.open',
  list: 'why.list',
  accepted: 'why.accepted',
  answered: 'why.accepted',
  decide: 'why.decide',
  ask: 'why.ask',
  unsure: 'why.unsure',
  said: 'why.again',
  marker: 'why.marker',
  refined: 'why.refined',
  against: 'why.against',
  ambiguous: 'why.ambiguous',
};

/** The reasons, each once, in the order they were found. */
export function reasons(why: readonly string[]): string[] {
  const found: string[] = [];
  for (const cue of why) {
    const key = kinds[cue.split(' ')[0] ?? ''];
    if (key !== undefined && !found.includes(t(key))) found.push(t(key));
  }
  if (found.length === 0) found.push(t(why.length === 0 ? 'why.person' : 'why.model'));
  return found;
}
