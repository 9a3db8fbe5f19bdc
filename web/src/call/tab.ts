// What a tab remembers of its participation, so that a reload comes back as the same participant.

import { type Outgoing, readOutgoing } from './outbox';

export interface TabMemory {
  resume: string;
  name: string;
  consent: 'granted' | 'declined' | '';
  microphone: boolean;
  camera: boolean;
}

const keyOf = (meeting: string): string => `parley.call.${meeting}`;
const outboxOf = (meeting: string): string => `parley.outbox.${meeting}`;

export function remember(store: Storage, meeting: string, memory: TabMemory): void {
  store.setItem(keyOf(meeting), JSON.stringify(memory));
}

export function forget(store: Storage, meeting: string): void {
  store.removeItem(keyOf(meeting));
  store.removeItem(outboxOf(meeting));
}

/** Keeps the lines of chat that are on their way. */
export function keepOutbox(store: Storage, meeting: string, lines: readonly Outgoing[]): void {
  if (lines.length === 0) store.removeItem(outboxOf(meeting));
  else store.setItem(outboxOf(meeting), JSON.stringify(lines));
}

export function recallOutbox(store: Storage, meeting: string): Outgoing[] {
  try {
    return readOutgoing(JSON.parse(store.getItem(outboxOf(meeting)) ?? '[]'));
  } catch {
    return [];
  }
}

/** What was remembered; null for nothing, or for what another version wrote. */
export function recall(store: Storage, meeting: string): TabMemory | null {
  try {
    const value: unknown = JSON.parse(store.getItem(keyOf(meeting)) ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    const { resume, name, consent, microphone, camera } = value as Partial<TabMemory>;
    if (typeof resume !== 'string' || resume === '' || typeof name !== 'string') return null;
    if (consent !== 'granted' && consent !== 'declined' && consent !== '') return null;
    return { resume, name, consent, microphone: microphone === true, camera: camera === true };
  } catch {
    return null;
  }
}
