// All tracks of a meeting on one clock: the meeting's. The clock runs by itself, waits when a track that
// has something is not loaded yet, and every element follows it.

import type { Track } from '../api/api';
import { TrackPlayer } from './trackplayer';

export interface PlayerState {
  at: number; // milliseconds on the meeting clock
  playing: boolean;
  waiting: boolean;
  rate: number;
}

/** A track that does not load is waited for that long, then passed over. */
const patienceMS = 5000;

export class Player {
  state: PlayerState = { at: 0, playing: false, waiting: false, rate: 1 };
  #tracks: TrackPlayer[] = [];
  #frame = 0;
  #last = 0;
  #waitedSince = 0;
  #loaded = 0;
  #changed: (state: PlayerState) => void;

  constructor(
    readonly meeting: string,
    readonly duration: number,
    changed: (state: PlayerState) => void,
  ) {
    this.#changed = changed;
    this.#frame = requestAnimationFrame(this.#tick);
  }

  /** Adds a track, shown by this element; returns how to take it away. */
  add(track: Track, element: HTMLMediaElement): () => void {
    const added = new TrackPlayer(this.meeting, track, element);
    this.#tracks.push(added);
    return () => {
      this.#tracks = this.#tracks.filter((other) => other !== added);
      added.close();
    };
  }

  /** Whether a track has something to show just now. */
  shows(trackId: string): boolean {
    return this.#tracks.some((t) => t.track.id === trackId && t.has(this.state.at));
  }

  toggle(): void {
    if (this.state.playing) this.pause();
    else this.play();
  }

  play(): void {
    if (this.state.at >= this.duration) this.seek(0);
    this.#waitedSince = 0;
    this.#set({ playing: true });
  }

  pause(): void {
    this.#set({ playing: false, waiting: false });
  }

  seek(at: number): void {
    this.#waitedSince = 0;
    this.#loaded = 0;
    this.#set({ at: Math.min(Math.max(0, at), this.duration) });
  }

  speed(rate: number): void {
    this.#set({ rate });
  }

  #set(change: Partial<PlayerState>): void {
    this.state = { ...this.state, ...change };
    this.#changed(this.state);
  }

  #tick = (now: number): void => {
    this.#frame = requestAnimationFrame(this.#tick);
    const passed = Math.min(now - this.#last, 250); // a page in the background is not told for a while
    this.#last = now;
    if (now - this.#loaded > 200) {
      this.#loaded = now;
      for (const t of this.#tracks) void t.load(this.state.at);
    }
    const { playing, rate } = this.state;
    let waiting = false;
    if (playing) {
      waiting = this.#tracks.some((t) => !t.ready(this.state.at));
      if (!waiting) this.#waitedSince = 0;
      else if (this.#waitedSince === 0) this.#waitedSince = now;
      if (waiting && now - this.#waitedSince > patienceMS) waiting = false;
      const at = waiting ? this.state.at : this.state.at + passed * rate;
      if (at >= this.duration) this.#set({ at: this.duration, playing: false, waiting: false });
      else if (at !== this.state.at || waiting !== this.state.waiting) this.#set({ at, waiting });
    }
    for (const t of this.#tracks) t.follow(this.state.at, this.state.playing && !waiting, rate);
  };

  close(): void {
    cancelAnimationFrame(this.#frame);
    for (const t of this.#tracks) t.close();
  }
}
