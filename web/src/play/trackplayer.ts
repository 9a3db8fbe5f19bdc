// One recorded track in one media element, fed by Media Source Extensions and slaved to the player's clock.

import { readSegment, type Track } from '../api/api';
import { Problem } from '../api/problem';
import { codecOf, fragment, initialization, readHead } from './fmp4';
import { covers, needed } from './plan';

/** How far an element may be off the clock before it is moved, in seconds; less is caught up by rate. */
const jump = 0.35;
const nudge = 0.06;
/** What lies this far behind the clock is dropped, in seconds. */
const behind = 45;
/** A piece that the network did not bring is asked for again after this long. */
const againMS = 2000;
/** A piece that begins at most this long after another follows it without a pause. */
const pauseMS = 1000;

/** iPhones have only the managed kind (Safari 17.1), which plays nowhere but on the device itself. */
function openSource(element: HTMLMediaElement): MediaSource {
  const managed = (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
  if (managed === undefined || 'MediaSource' in globalThis) return new MediaSource();
  element.disableRemotePlayback = true;
  return new managed();
}

/** Whether asking again may help: the network or the server was away. */
function passes(error: unknown): boolean {
  return error instanceof Problem && ['offline', 'unavailable', 'internal', 'too-slow'].includes(error.kind);
}

function mimeOf(track: Track): string {
  const [kind, codec] = track.codec.toLowerCase().split('/');
  return `${kind}/webm; codecs="${codec}"`;
}

/** Whether a track is kept in a way that no Media Source takes, and has to be packed anew. */
const repacked = (track: Track): boolean => track.codec.toLowerCase() === 'video/h264';

export class TrackPlayer {
  readonly video: boolean;
  #source: MediaSource;
  #buffer: SourceBuffer | null = null;
  #appended = new Set<number>();
  #working = false;
  #at = 0; // milliseconds; what is to be loaded is around it
  #after = 0; // performance.now() before which nothing is asked for
  #abort = new AbortController();
  #url: string;
  /** What went wrong for good, or null. */
  failed: unknown = null;

  constructor(
    readonly meeting: string,
    readonly track: Track,
    readonly element: HTMLMediaElement,
  ) {
    this.video = track.source === 'camera' || track.source === 'screen';
    this.#source = openSource(element);
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener('sourceopen', () => void this.#opened(), { once: true });
    element.src = this.#url;
    element.preload = 'auto';
  }

  async #opened(): Promise<void> {
    try {
      // What is packed anew names its codec in its head, which is not here yet: this is what everybody may send.
      const mime = repacked(this.track) ? 'video/mp4; codecs="avc1.42e01f"' : mimeOf(this.track);
      const buffer = this.#source.addSourceBuffer(mime); // throws where the browser does not play it
      this.#source.duration = Infinity;
      this.#buffer = buffer;
    } catch (error) {
      this.failed = error;
    }
  }

  async #append(buffer: SourceBuffer, number: number): Promise<void> {
    const bytes = await readSegment(this.meeting, this.track.id, number, this.#abort.signal);
    const packed = repacked(this.track) ? this.#repack(buffer, number, new Uint8Array(bytes)) : bytes;
    await settled(buffer, () => buffer.appendBuffer(packed));
    this.#appended.add(number);
  }

  #repack(buffer: SourceBuffer, number: number, piece: Uint8Array): Uint8Array<ArrayBuffer> {
    if (number === 0) {
      const head = readHead(piece);
      buffer.changeType(`video/mp4; codecs="${codecOf(head)}"`);
      return initialization(head);
    }
    const { segments } = this.track;
    const end = segments.find((p) => p.number === number)?.end_ms ?? 0;
    const next = segments.find((p) => p.number === number + 1)?.start_ms;
    return fragment(piece, number, next !== undefined && next - end < pauseMS ? next : undefined);
  }

  /** Whether the element can show what the track has at `at` milliseconds. */
  ready(at: number): boolean {
    if (this.failed !== null || !covers(this.track.segments, at)) return true;
    const seconds = at / 1000;
    const { buffered } = this.element;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= seconds + 0.3 && seconds < buffered.end(i) + 0.3) return true;
    }
    return false;
  }

  has(at: number): boolean {
    return this.failed === null && covers(this.track.segments, at);
  }

  /** Loads what is needed around `at`, one piece at a time; a later call redirects an earlier one. */
  async load(at: number): Promise<void> {
    this.#at = at;
    const buffer = this.#buffer;
    if (this.#working || buffer === null || this.failed !== null || performance.now() < this.#after) return;
    this.#working = true;
    try {
      for (let piece = this.#next(); piece !== undefined; piece = this.#next()) await this.#append(buffer, piece);
      await this.#drop(buffer, this.#at);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (passes(error)) this.#after = performance.now() + againMS;
      else this.failed = error;
    } finally {
      this.#working = false;
    }
  }

  /** The piece to load next, the header before all others; undefined when nothing is missing. */
  #next(): number | undefined {
    const missing = needed(this.track.segments, this.#at, this.video).find((p) => !this.#appended.has(p.number));
    return missing === undefined || this.#appended.has(0) ? missing?.number : 0;
  }

  async #drop(buffer: SourceBuffer, at: number): Promise<void> {
    const until = at / 1000 - behind;
    if (until <= 0 || buffer.buffered.length === 0 || buffer.buffered.start(0) >= until - 10) return;
    await settled(buffer, () => buffer.remove(0, until));
    for (const p of this.track.segments) if (p.number > 0 && p.end_ms / 1000 <= until) this.#appended.delete(p.number);
  }

  /** Brings the element to the clock. */
  follow(at: number, playing: boolean, rate: number): void {
    const { element } = this;
    const seconds = at / 1000;
    if (!this.has(at) || !this.ready(at)) {
      if (!element.paused) element.pause();
      return;
    }
    if (element.seeking) return; // to seek again would only begin anew
    const off = element.currentTime - seconds;
    if (Math.abs(off) > jump || !playing) {
      if (Math.abs(off) > 0.02) element.currentTime = seconds;
    }
    element.playbackRate = Math.abs(off) < nudge ? rate : rate * (off > 0 ? 0.95 : 1.05);
    if (playing && element.paused) element.play().catch(() => undefined); // the next call tries again
    if (!playing && !element.paused) element.pause();
  }

  close(): void {
    this.#abort.abort();
    this.element.pause();
    this.element.removeAttribute('src');
    this.element.load();
    URL.revokeObjectURL(this.#url);
  }
}

/** Runs an operation of a SourceBuffer to its end. */
function settled(buffer: SourceBuffer, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (event: Event): void => {
      buffer.removeEventListener('updateend', done);
      buffer.removeEventListener('error', done);
      if (event.type === 'error') reject(new Error('the browser refuses a piece of the recording'));
      else resolve();
    };
    buffer.addEventListener('updateend', done);
    buffer.addEventListener('error', done);
    try {
      start();
    } catch (error) {
      buffer.removeEventListener('updateend', done);
      buffer.removeEventListener('error', done);
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
