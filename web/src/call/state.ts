// What is known of a room, and what a call is made with.

import type { Shown } from './captions';
import type { Chat, Failure, Joined, Person, Spoken, Status } from './messages';
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
  captions: readonly Shown[];
  status: Status;
  /** What the last request was refused for; shown once. */
  complaint: Failure | null;
  /** performance.now() at the zero of the meeting clock. */
  zero: number;
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
  /** What the server is reached through where it is not reached directly, and how to ask again. */
  servers: Servers;
}

/** Where a tab remembers its participation: the caller decides, tests use a Map. */
export interface Memory {
  save(resume: string): void;
  forget(): void;
}
