// One participation in one meeting: the WebSocket, the peer connection, and what is known of the room.
// No framework and no DOM: a page listens to `changed` and draws `state`.

import { merge, settled } from './captions';
import { Contact } from './contact';
import type { Reason } from './doubt';
import { Hearing, lookMS } from './hearing';
import type { Line } from './line';
import { Media, type Seat } from './media';
import type { Caption, Chat, Ended, Failure, Joined, SeatRequest, ServerMessage, Source } from './messages';
import { Outbox } from './outbox';
import { samePeer } from './sdp';
import { planSeats, type Wish } from './seats';
import { renewMS } from './servers';
import { type CallOptions, type CallState, type Memory, merged, outside, type Seated, sorted } from './state';

const mostLines = 500;
/** Packets may be missing for that long before the path is mended; short losses heal by themselves. */
const quietMS = 2000;
/** How long a complaint is shown. */
const complainMS = 6000;

export class Call {
  state: CallState = outside;

  /** Lines of chat go through it, while the connection is away as well. */
  readonly outbox: Outbox;

  #options: CallOptions;
  #memory: Memory;
  #changed: () => void;
  #media = new Media();
  #contact: Contact;
  #offers = 0;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #soothe: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #listening: ReturnType<typeof setInterval> | undefined;
  #rosterSeq = 0;
  #muted = new Map<Source, boolean>();
  #sending = new Map<Source, MediaStreamTrack | null>();
  #wishes: Wish[] = [];
  #asked = new Map<string, SeatRequest>(); // of this line, by mid
  #early: RTCIceCandidate[] | null = null; // candidates that wait for join to be sent
  #ending = false; // the meeting is to end: said again on every line until it has, or until it is refused
  #closed = false;

  constructor(options: CallOptions, memory: Memory, changed: () => void) {
    this.#options = options;
    this.#memory = memory;
    this.#changed = changed;
    this.outbox = new Outbox(options.outbox, {
      send: ({ key, text }) => this.#contact.send({ type: 'chat', key, text }),
      slow: () => this.suspect('doubt'),
      silent: () => this.#contact.drop(),
      changed: (outbox) => {
        this.#memory.keep(outbox);
        this.#set({ outbox });
      },
    });
    this.#contact = new Contact(options.meeting, {
      begun: (line, again) => void this.#join(line, again),
      message: (m) => this.#receive(m),
      away: () => {
        this.outbox.closed();
        this.#set({ phase: this.state.you === '' ? { at: 'joining' } : { at: 'reconnecting' } });
      },
    });
    this.state = { ...outside, outbox: options.outbox };
  }

  /** Begins to join. What to send may be said before or after. */
  start(): void {
    this.#watch();
    this.#renewal = setInterval(() => void this.#options.servers.renew(), renewMS);
    const hearing = new Hearing();
    this.#listening = setInterval(() => {
      if (hearing.stopped(this.#media.newest(), performance.timeOrigin + performance.now())) this.suspect('doubt');
    }, lookMS);
    this.#contact.start();
  }

  /** There is reason to think that the server cannot be reached any more as it was. */
  suspect(reason: Reason): void {
    this.#contact.suspect(reason);
  }

  voices(): Seat[] {
    return this.#media.voices();
  }

  pictures(): Seat[] {
    return this.#media.pictures();
  }

  levels(): Map<number, number> {
    return this.#media.levels();
  }

  /** Sends a track of this source, or stops; the others are told. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.#sending.set(source, track);
    await this.#media.send(source, track);
    this.mute(source, track === null);
  }

  /** Tells the others that a source is off or on. */
  mute(source: Source, muted: boolean): void {
    this.#muted.set(source, muted);
    if (this.#contact.joined) this.#contact.send({ type: 'mute', source, muted });
  }

  /** Says which pictures are on the screen, most important first. */
  show(wishes: Wish[]): void {
    this.#wishes = wishes;
    this.#seat();
  }

  leave(): void {
    if (this.outbox.flush()) this.#set({ outbox: [] });
    this.#contact.send({ type: 'leave' });
    this.#finish('left', this.state.meeting?.record ?? false);
  }

  /** Ends the meeting for everybody; while the line is away, as soon as it is back. */
  end(): void {
    this.#ending = true;
    if (!this.#contact.joined) return;
    this.outbox.flush();
    this.#contact.send({ type: 'end' });
  }

  /** Ends everything without a word: the page is going. */
  close(): void {
    this.#closed = true;
    this.#calm();
    this.#contact.close();
    this.#media.close();
  }

  /** Stops every timer. */
  #calm(): void {
    for (const timer of [this.#quiet, this.#soothe]) clearTimeout(timer);
    clearInterval(this.#renewal);
    clearInterval(this.#listening);
    this.#contact.finish();
    this.outbox.closed();
  }

  #set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.#changed();
  }

  #watch(): void {
    const { pc } = this.#media;
    pc.onicecandidate = ({ candidate }) => {
      if (candidate === null || candidate.candidate === '') return;
      if (this.#early === null) this.#trickle(candidate);
      else this.#early.push(candidate);
    };
    pc.oniceconnectionstatechange = () => {
      clearTimeout(this.#quiet);
      if (pc.iceConnectionState === 'failed') void this.#restartICE();
      if (pc.iceConnectionState !== 'disconnected') return;
      this.#quiet = setTimeout(() => void this.#restartICE(), quietMS);
      this.suspect('doubt');
    };
  }

  async #join(line: Line, again: boolean): Promise<void> {
    clearTimeout(this.#quiet); // joining restarts ICE
    const { pc } = this.#media;
    if (again && (pc.connectionState === 'failed' || pc.connectionState === 'closed')) this.#renew();
    try {
      this.#early = []; // gathering begins with the offer, and join comes first
      if (this.#options.servers.old) await this.#options.servers.renew();
      if (!this.#contact.is(line)) return;
      this.#media.reach(this.#options.servers.list);
      const offer = await this.#media.offer(again);
      if (!this.#contact.is(line)) return; // the candidates are the next line's
      this.#contact.request({
        type: 'join',
        name: this.#options.name,
        consent: this.#options.consent,
        ...(this.#options.resume !== '' && { resume: this.#options.resume }),
        ...(this.#options.language !== '' && { language: this.#options.language }),
        ...(this.#options.several && { several: true }),
        offer,
      });
      const early = this.#early;
      this.#early = null;
      for (const candidate of early) this.#trickle(candidate);
    } catch (error) {
      console.error('no offer could be made', error);
      line.close();
    }
  }

  #trickle(candidate: RTCIceCandidate): void {
    this.#contact.send({
      type: 'candidate',
      candidate: candidate.candidate,
      ...(candidate.sdpMid !== null && { sdpMid: candidate.sdpMid }),
      ...(candidate.sdpMLineIndex !== null && { sdpMLineIndex: candidate.sdpMLineIndex }),
    });
  }

  /** Takes a new peer connection; what was sent is sent again. */
  #renew(): void {
    this.#media.close();
    this.#media = new Media();
    this.#options.servers.expire(); // the server may be another process by now
    this.#watch();
    for (const [source, track] of this.#sending) void this.#media.send(source, track);
  }

  async #restartICE(): Promise<void> {
    if (!this.#contact.joined || this.#closed) return; // joining again mends it as well
    this.suspect('doubt'); // ahead of the offer, which takes its time on a slow line
    const media = this.#media;
    let offer;
    try {
      media.reach(this.#options.servers.list);
      offer = await media.offer(true);
    } catch (error) {
      if (media === this.#media) this.#startAnew(error);
      return;
    }
    if (!this.#contact.joined) return;
    this.#contact.request({ type: 'offer', seq: ++this.#offers, ...offer });
  }

  #receive(m: ServerMessage): void {
    switch (m.type) {
      case 'joined':
        void this.#welcome(m);
        return;
      case 'answer':
        this.#media.accept(m.sdp).catch((error: unknown) => this.#startAnew(error));
        return;
      case 'roster':
        this.#roster(m);
        return;
      case 'seats':
        this.#seated(m.seats);
        return;
      case 'encodings':
        this.#media.limit(m.source, m.rids).catch((error: unknown) => console.warn('encodings stay as they are', error));
        return;
      case 'chat':
        this.#chat(m);
        return;
      case 'caption':
        this.#caption(m);
        return;
      case 'status':
        this.#set({ status: m });
        return;
      case 'error':
        this.#refused(m);
        return;
      case 'ended':
        this.#ended(m);
        return;
      case 'going-away':
      case 'minutes':
      case 'pong':
        return; // the socket closes by itself; minutes are for the record's page; a pong is the contact's
    }
  }

  async #welcome(m: Joined): Promise<void> {
    this.#options.resume = m.resume;
    this.#memory.save(m.resume);
    this.#offers = 0;
    this.#rosterSeq = 0;
    this.#asked.clear();
    const known = new Set(this.state.chat.map((l) => l.id));
    this.state = {
      ...this.state,
      phase: { at: 'live' },
      you: m.you,
      role: m.role,
      meeting: m.meeting,
      people: sorted(m.roster),
      chat: m.chat,
      captions: settled(m.captions),
      status: m.status,
      complaint: null,
      zero: performance.now() - m.now_ms,
    };
    this.#seated(m.seats);
    for (const [source, muted] of this.#muted) this.#contact.send({ type: 'mute', source, muted });
    if (!samePeer(this.#media.pc.remoteDescription?.sdp ?? '', m.sdp)) {
      this.#startAnew('the server has another peer than before: it restarted, or the grace was over');
      return;
    }
    try {
      await this.#media.accept(m.sdp);
    } catch (error) {
      this.#startAnew(error);
      return;
    }
    this.#contact.well();
    this.outbox.opened(m.you, m.chat.filter((l) => l.participant === m.you && !known.has(l.id)));
    if (this.#ending) this.end();
    this.#set({});
    this.#seat();
  }

  /** Joins again with a new peer connection. */
  #startAnew(why: unknown): void {
    if (this.#closed) return;
    console.warn('a new peer connection is needed:', why);
    clearTimeout(this.#quiet);
    this.#media.close();
    this.#contact.close();
  }

  #roster(m: Extract<ServerMessage, { type: 'roster' }>): void {
    if (this.#rosterSeq !== 0 && m.seq !== this.#rosterSeq + 1) {
      this.#contact.close(); // something was missed: come back and see the whole
      return;
    }
    this.#rosterSeq = m.seq;
    this.#set({ people: merged(this.state.people, m.present, m.gone) });
    this.#seat();
  }

  #seated(seats: Joined['seats']): void {
    const now: Map<string, Seated> = new Map();
    for (const s of seats) {
      if (s.kind === 'video') now.set(s.mid, { track: s.track, participant: s.participant, paused: s.paused !== '' });
    }
    this.#set({ seats: now });
  }

  /** Asks for the pictures that are wished for and still published. */
  #seat(): void {
    if (!this.#contact.joined || this.#closed) return;
    const shown = (t: { codec: string }): boolean => this.#media?.shows(t.codec) ?? true;
    const published = new Set(this.state.people.flatMap((p) => p.tracks.filter(shown).map((t) => t.track)));
    const now = this.state.seats;
    const wishes = this.#wishes.filter((w) => published.has(w.track));
    const requests: SeatRequest[] = planSeats([...now.keys()], now, wishes, this.#asked);
    for (const request of requests) this.#asked.set(request.mid, request);
    if (requests.length > 0) this.#contact.send({ type: 'seats', seats: requests });
  }

  #chat(m: Chat): void {
    this.outbox.confirmed(m.key);
    if (this.state.chat.some((l) => l.id === m.id)) return; // asked about again
    this.#set({ chat: [...this.state.chat, m].slice(-mostLines) });
  }

  #caption(m: Caption): void {
    const captions = merge(this.state.captions, m, mostLines);
    if (captions !== this.state.captions) this.#set({ captions });
  }

  #refused(m: Failure): void {
    if (!m.fatal) {
      if (m.re === 'seats' && m.kind === 'not-found') return; // pictures end now and then
      if (m.re === 'end') this.#ending = false;
      if (m.re === 'chat') {
        this.outbox.refused(m);
        return;
      }
      this.#set({ complaint: m });
      clearTimeout(this.#soothe);
      this.#soothe = setTimeout(() => this.#set({ complaint: null }), complainMS);
      return;
    }
    if (m.kind === 'too-slow' || m.kind === 'unavailable') return; // the socket closes: come back
    if (m.kind === 'conflict' && this.state.you !== '') {
      this.#startAnew(m.say);
      return;
    }
    this.#calm();
    this.#memory.forget();
    this.#set({ phase: { at: 'refused', say: m.say, kind: m.kind } });
    this.#media.close();
  }

  #ended(m: Ended): void {
    this.#finish(m.reason, m.record);
  }

  #finish(reason: string, record: boolean): void {
    if (this.state.phase.at === 'over') return;
    this.#calm();
    if (reason !== 'moved') this.#memory.forget();
    this.#set({ phase: { at: 'over', reason, record } });
    this.#media.close();
    // The last words may still be on their way out.
    setTimeout(() => this.#contact.close(), 1000);
  }
}
