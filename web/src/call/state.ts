// What is known of a room, and what a call is made with.

import type { Shown } from './captions';
import type { Chat, Failure, Joined, Person, Spoken, Status } from './messages';
import type { Outgoing } from './outbox';
import type { Servers } from './servers';

export type Phase =
  | { at: 'joining' }
  | { at: 'live' }
  | { at: 'reconnecting' }
  | { at: 'refused'; say: string; kind: string }
  | { at: 'over'; reason: string; record: boolean };

/** Who sits in a video seat; "" for nobody. */
export interface Seated {
  track: string;
  participant: string;
  /** Nothing is sent: this browser's connection does not take the smallest picture. */
  paused: boolean;
}

export interface CallState {
  phase: Phase;
  you: string;
  role: Person['role'];
  meeting: Joined['meeting'] | null;
  people: readonly Person[]; // in order of joining
  seats: ReadonlyMap<string, Seated>; // video seats, by mid
  chat: readonly Chat[];
  /** Lines of one's own that the server has not confirmed. */
  outbox: readonly Outgoing[];
  captions: readonly Shown[];
  status: Status;
  /** What the last request was refused for; shown once. */
  complaint: Failure | null;
  /** performance.now() at the zero of the meeting clock. */
  zero: number;
}

/** What is known before anything was heard. */
export const outside: CallState = {
  phase: { at: 'joining' },
  you: '',
  role: 'viewer',
  meeting: null,
  people: [],
  seats: new Map(),
  chat: [],
  outbox: [],
  captions: [],
  status: { type: 'status', recording: false, words: true, words_missing: '', words_late_s: 0, recording_trouble: '' },
  complaint: null,
  zero: 0,
};

/** In order of joining. */
export function sorted(people: readonly Person[]): Person[] {
  return [...people].sort((a, b) => a.number - b.number);
}

/** The people after some came or changed and some went. */
export function merged(people: readonly Person[], present: readonly Person[], gone: readonly string[]): Person[] {
  const now = new Map(people.map((p) => [p.id, p]));
  for (const p of present) now.set(p.id, p);
  for (const id of gone) now.delete(id);
  return sorted([...now.values()]);
}

export interface CallOptions {
  meeting: string;
  name: string;
  consent: 'granted' | 'declined' | '';
  /** What this person speaks; '' leaves it open. */
  language: Spoken | '';
  /** More than one person is at this microphone. */
  several: boolean;
  /** From an earlier participation of this tab; or "". */
  resume: string;
  /** Lines of chat that were on their way then. */
  outbox: readonly Outgoing[];
  /** What the server is reached through where it is not reached directly, and how to ask again. */
  servers: Servers;
}

/** Where a tab remembers its participation: the caller decides, tests use a Map. */
export interface Memory {
  save(resume: string): void;
  keep(outbox: readonly Outgoing[]): void;
  forget(): void;
}
