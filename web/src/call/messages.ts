// The messages of a meeting's WebSocket: docs/protocol.md. Times are milliseconds on the meeting clock.

import { flag, list, object, oneOf, optional, type Shape, ShapeError, text, whole } from '../lib/shape';

export const sources = ['microphone', 'camera', 'screen', 'screen-audio'] as const;
export type Source = (typeof sources)[number];

const publication = object({ track: text, source: oneOf(...sources), codec: optional(text, ''), muted: flag });
const person = object({
  id: text,
  number: whole,
  name: text,
  role: oneOf('viewer', 'member', 'host'),
  recorded: flag,
  several: optional(flag, false),
  tracks: list(publication),
});
const seat = object({
  mid: text,
  kind: oneOf('audio', 'video'),
  track: optional(text, ''),
  participant: optional(text, ''),
  paused: optional(text, ''),
});
const chat = object({ type: oneOf('chat'), key: optional(text, ''), id: text, participant: text, at_ms: whole, text });
const caption = object({
  type: oneOf('caption'),
  utterance: text,
  participant: text,
  start_ms: whole,
  end_ms: whole,
  text,
  lang: text,
  final: flag,
});
const status = object({
  type: oneOf('status'),
  recording: flag,
  words: flag,
  words_missing: optional(text, ''),
  words_late_s: optional(whole, 0),
  recording_trouble: optional(text, ''),
});
const meeting = object({ id: text, title: text, region: text, started: text, record: flag, link: optional(text, '') });
const joined = object({
  type: oneOf('joined'),
  you: text,
  role: oneOf('viewer', 'member', 'host'),
  resume: text,
  sdp: text,
  now_ms: whole,
  meeting,
  roster: list(person),
  seats: list(seat),
  chat: optional(list(chat), []),
  captions: optional(list(caption), []),
  status,
});
const answer = object({ type: oneOf('answer'), seq: whole, sdp: text });
const pong = object({ type: oneOf('pong'), seq: whole });
const roster = object({
  type: oneOf('roster'),
  seq: whole,
  present: optional(list(person), []),
  gone: optional(list(text), []),
});
const seatMap = object({ type: oneOf('seats'), seq: whole, seats: list(seat) });
const encodings = object({ type: oneOf('encodings'), source: oneOf(...sources), rids: list(text) });
const minutes = object({ type: oneOf('minutes') });
const failure = object({
  type: oneOf('error'),
  kind: text,
  say: text,
  re: optional(text, ''),
  key: optional(text, ''),
  retry_ms: optional(whole, 0),
  fatal: flag,
});
const ended = object({ type: oneOf('ended'), reason: text, record: flag });
const goingAway = object({ type: oneOf('going-away'), retry_ms: whole });

export type Person = Shape<typeof person>;
export type SeatState = Shape<typeof seat>;
export type Chat = Shape<typeof chat>;
export type Caption = Shape<typeof caption>;
export type Status = Shape<typeof status>;
export type Joined = Shape<typeof joined>;
export type Failure = Shape<typeof failure>;
export type Ended = Shape<typeof ended>;

const readers = {
  joined,
  answer,
  pong,
  roster,
  seats: seatMap,
  encodings,
  chat,
  caption,
  status,
  minutes,
  error: failure,
  ended,
  'going-away': goingAway,
};
export type ServerMessage = Shape<(typeof readers)[keyof typeof readers]>;

/** Reads one frame of the server; throws ShapeError for anything it is not meant to send. */
export function decode(frame: string): ServerMessage {
  const value: unknown = JSON.parse(frame);
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string' || !(type in readers)) throw new ShapeError('type', 'a message that is known');
  return readers[type as keyof typeof readers](value, type);
}

/** What somebody may say they speak. */
export const spoken = ['en', 'zh', 'yue'] as const;
export type Spoken = (typeof spoken)[number];

export interface Offer {
  sdp: string;
  sources: Record<string, Source>;
}

export interface SeatRequest {
  mid: string;
  track: string;
  width?: number;
  height?: number;
  priority?: number;
}

export type BrowserMessage =
  | {
      type: 'join';
      name: string;
      consent: 'granted' | 'declined' | '';
      resume?: string;
      language?: Spoken;
      several?: boolean;
      offer: Offer;
    }
  | ({ type: 'offer'; seq: number } & Offer)
  | { type: 'candidate'; candidate: string; sdpMid?: string; sdpMLineIndex?: number }
  | { type: 'seats'; seats: SeatRequest[] }
  | { type: 'mute'; source: Source; muted: boolean }
  | { type: 'chat'; key: string; text: string }
  | { type: 'ping'; seq: number }
  | { type: 'leave' }
  | { type: 'end' };
