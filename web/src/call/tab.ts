// What a tab remembers of its participation, so that a reload comes back as the same participant.

export interface TabMemory {
  resume: string;
  name: string;
  consent: 'granted' | 'declined' | '';
  microphone: boolean;
  camera: boolean;
}

const keyOf = (meeting: string): string => `parley.call.${meeting}`;

export function remember(store: Storage, meeting: string, memory: TabMemory): void {
  store.setItem(keyOf(meeting), JSON.stringify(memory));
}

export function forget(store: Storage, meeting: string): void {
  store.removeItem(keyOf(meeting));
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
