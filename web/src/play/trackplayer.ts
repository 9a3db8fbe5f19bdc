// One recorded track in one media element, fed by Media Source Extensions and slaved to the player's clock.

import { readSegment, type Track } from '../api/api';
import { aheadMS, covers, needed } from './plan';

/** How far an element may be off the clock before it is moved, in seconds; less is caught up by rate. */
const jump = 0.35;
const nudge = 0.06;
/** What lies this far behind the clock is dropped, in seconds. */
const behind = 45;

function mimeOf(track: Track): string {
  const codec = track.codec.toLowerCase().replace('video/', '').replace('audio/', '');
  return track.codec.toLowerCase().startsWith('audio/') ? `audio/webm; codecs="${codec}"` : `video/webm; codecs="${codec === 'vp9' ? 'vp9' : codec}"`;
}

export class TrackPlayer {
  readonly video: boolean;
  #source = new MediaSource();
  #buffer: SourceBuffer | null = null;
  #appended = new Set<number>();
  #working = false;
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
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener('sourceopen', () => void this.#opened(), { once: true });
    element.src = this.#url;
    element.preload = 'auto';
  }

  async #opened(): Promise<void> {
    try {
      const mime = mimeOf(this.track);
      if (!MediaSource.isTypeSupported(mime)) throw new Error(`this browser does not play ${mime}`);
      this.#source.duration = Infinity;
      const buffer = this.#source.addSourceBuffer(mime);
      await this.#append(buffer, 0);
      this.#buffer = buffer;
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failed = error;
    }
  }

  async #append(buffer: SourceBuffer, number: number): Promise<void> {
    const bytes = await readSegment(this.meeting, this.track.id, number, this.#abort.signal);
    await settled(buffer, () => buffer.appendBuffer(bytes));
    if (number > 0) this.#appended.add(number);
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

  /** Loads what is needed around `at`; one piece at a time. */
  async load(at: number): Promise<void> {
    const buffer = this.#buffer;
    if (this.#working || buffer === null || this.failed !== null) return;
    const missing = needed(this.track.segments, at, this.video).filter((p) => !this.#appended.has(p.number));
    if (missing.length === 0) return;
    this.#working = true;
    try {
      // What is being looked at comes first: from the one the clock is in, then on; what was before it only for pictures.
      for (const piece of missing) {
        await this.#append(buffer, piece.number);
        if (Math.abs(piece.start_ms - at) > aheadMS * 2) break;
      }
      await this.#drop(buffer, at);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failed = error;
    } finally {
      this.#working = false;
    }
  }

  async #drop(buffer: SourceBuffer, at: number): Promise<void> {
    const until = at / 1000 - behind;
    if (until <= 0 || buffer.buffered.length === 0 || buffer.buffered.start(0) >= until - 10) return;
    await settled(buffer, () => buffer.remove(0, until));
    for (const p of this.track.segments) if (p.end_ms / 1000 <= until) this.#appended.delete(p.number);
  }

  /** Brings the element to the clock. */
  follow(at: number, playing: boolean, rate: number): void {
    const { element } = this;
    const seconds = at / 1000;
    if (!this.has(at) || !this.ready(at)) {
      if (!element.paused) element.pause();
      return;
    }
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
