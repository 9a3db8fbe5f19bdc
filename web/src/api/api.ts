// The HTTP interface: signaling/api/openapi.yaml. The only place that fetches.

import { flag, list, object, oneOf, optional, type Reader, type Shape, text, whole } from '../lib/shape';
import { Problem, problemOf } from './problem';

const words = object({ ok: flag, missing: text });
const session = object({ identity: text, name: text, may_create: flag, regions: list(text), words });
const opened = object({ identity: text, name: text, may_create: flag });
const state = oneOf('scheduled', 'live', 'ended');
const meeting = object({
  id: text,
  title: text,
  region: text,
  zone: text,
  state,
  record: flag,
  started: optional(text, ''),
  ended: optional(text, ''),
  duration_ms: whole,
});
const created = object({ meeting, host_link: text, link: text });
const preview = object({
  id: text,
  title: text,
  region: text,
  state,
  record: flag,
  role: oneOf('viewer', 'member', 'host'),
  present: whole,
  people: list(text),
  started: optional(text, ''),
  ice_servers: list(object({ urls: list(text), username: text, credential: text })),
});
const row = object({
  id: text,
  title: text,
  region: text,
  started: optional(text, ''),
  ended: optional(text, ''),
  state,
});
const owner = optional(object({ participant: text, name: text }), null);
const due = optional(object({ text, date: text, earliest: text, latest: text }), null);
const agreement = {
  id: text,
  tier: oneOf('proposed', 'suggested'),
  status: oneOf('open', 'accepted', 'dismissed'),
  revision: whole,
  changes: list(object({ op: oneOf('accept', 'edit', 'dismiss', 'reopen', 'add'), name: text, at: text, text, owner, due })),
  evidence: list(text),
  quote: text,
  start_ms: whole,
  end_ms: whole,
  confidence: text,
  why: optional(list(text), []),
};
const entry = object({ text, ...agreement });
const item = object({ task: text, owner, due, ...agreement });
const word = object({ text, start_ms: whole, end_ms: whole, heard: optional(text, '') });
const utterance = object({
  id: text,
  participant: text,
  start_ms: whole,
  end_ms: whole,
  text,
  lang: text,
  state: oneOf('pending', 'recognized', 'parked', 'wordless'),
  confidence: text,
  words: optional(list(word), []),
  engine: text,
  model: text,
  version: whole,
  edited: flag,
  conflict: text,
});
const track = object({
  id: text,
  participant: text,
  source: oneOf('microphone', 'camera', 'screen', 'screen-audio'),
  codec: text,
  start_ms: whole,
  end_ms: whole,
  segments: list(object({ number: whole, start_ms: whole, end_ms: whole, bytes: whole, sha256: text })),
  gaps: list(object({ start_ms: whole, end_ms: whole, reason: text })),
});
const record = object({
  meeting,
  participants: list(object({ id: text, number: whole, name: text, role: text, recorded: flag, title: text, several: flag })),
  recording: object({ sealed: flag, tracks: list(track) }),
  utterances: list(utterance),
  minutes: optional(object({ final: flag, items: list(item), decisions: list(entry), questions: list(entry) }), null),
  chat: list(object({ id: text, participant: text, at_ms: whole, text })),
  words,
  pending: whole,
  you: text,
  name: text,
  may_change: flag,
});

export type Session = Shape<typeof session>;
export type Preview = Shape<typeof preview>;
export type Row = Shape<typeof row>;
export type MeetingRecord = Shape<typeof record>;
export type Track = Shape<typeof track>;
export type Utterance = Shape<typeof utterance>;
export type Item = Shape<typeof item>;
export type Entry = Shape<typeof entry>;

async function reach(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem('offline', '');
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function ask<T>(reader: Reader<T>, path: string, init?: RequestInit): Promise<T> {
  const response = await reach(path, init);
  return reader(await response.json());
}

function post<T>(reader: Reader<T>, path: string, body: object): Promise<T> {
  return ask(reader, path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

const anything = (value: unknown): unknown => value;

export const readSession = (): Promise<Session> => ask(session, '/api/v1/session');

/** Says who this browser is, and follows a link. */
export const openSession = (body: { name?: string; link?: string }): Promise<Shape<typeof opened>> =>
  post(opened, '/api/v1/session', body);

export const createMeeting = (body: { title?: string; region?: string; zone?: string }): Promise<Shape<typeof created>> =>
  post(created, '/api/v1/meetings', body);

export const readMeeting = (id: string): Promise<Preview> => ask(preview, `/api/v1/meetings/${encodeURIComponent(id)}`);

export const listRecords = (): Promise<Row[]> => ask(list(row), '/api/v1/records');

export const readRecord = (id: string): Promise<MeetingRecord> => ask(record, `/api/v1/records/${encodeURIComponent(id)}`);

export type Kind = 'action' | 'decision' | 'question';

/** How an entry is to read; decisions and questions have neither owner nor date. */
export interface Wording {
  task: string;
  owner?: { participant?: string; name?: string } | null;
  due?: string;
}

const itemsOf = (id: string): string => `/api/v1/records/${encodeURIComponent(id)}/items`;

/** Accepts, edits, dismisses or reopens an entry; `conflict` when somebody else changed it meanwhile. */
export async function changeEntry(
  meetingId: string,
  entryId: string,
  body: { op: 'accept' | 'edit' | 'dismiss' | 'reopen'; revision: number } & Partial<Wording>,
): Promise<void> {
  await post(anything, `${itemsOf(meetingId)}/${encodeURIComponent(entryId)}/changes`, body);
}

/** Adds an entry that was missed, with the words it stands on. */
export async function addEntry(meetingId: string, body: { kind: Kind; evidence: string[]; quote: string } & Wording): Promise<void> {
  await post(anything, itemsOf(meetingId), body);
}

/** Puts other words into an utterance; `conflict` when another version is shown by now. */
export const editWords = (meetingId: string, utteranceId: string, body: { text: string; version: number }): Promise<Utterance> =>
  ask(utterance, `/api/v1/records/${encodeURIComponent(meetingId)}/utterances/${encodeURIComponent(utteranceId)}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The bytes of one segment; number 0 is the track's WebM header. */
export async function readSegment(meetingId: string, trackId: string, number: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await reach(`/api/v1/records/${encodeURIComponent(meetingId)}/tracks/${trackId}/segments/${number}`, { signal });
  return response.arrayBuffer();
}
