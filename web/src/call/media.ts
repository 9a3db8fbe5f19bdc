// The one RTCPeerConnection of a page: what it sends, and its seats. The browser always offers.

import type { Offer, Source } from './messages';

/** How many people are heard, and seen, at the same time. */
const voices = 4;
const pictures = 9;

/** What encoders send that are no browsers, in the one form that all of them have: constrained baseline, fragmented. */
const plainH264 = /^(?=.*packetization-mode=1)(?=.*profile-level-id=42e0)/i;

/**
 * The codecs of a room's pictures: browsers send VP8, and are shown H.264 besides. Short offers are answered in a third
 * of the time.
 */
function prefer(transceiver: RTCRtpTransceiver, also?: 'H.264'): RTCRtpCodec[] {
  const known = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const wanted = known.filter(
    (c) =>
      /^video\/(vp8|rtx)$/i.test(c.mimeType) ||
      (also !== undefined && /^video\/h264$/i.test(c.mimeType) && plainH264.test(c.sdpFmtpLine ?? '')),
  );
  wanted.sort((a, b) => Number(/vp8/i.test(b.mimeType)) - Number(/vp8/i.test(a.mimeType)));
  if (wanted.length === 0 || !('setCodecPreferences' in transceiver)) return known;
  transceiver.setCodecPreferences(wanted);
  return wanted;
}

/**
 * What a camera is sent in, the largest first: a tile of a grid needs the smallest, and each browser gets the
 * one it has room and bandwidth for. Two frame rates in each let a slow connection have every other picture.
 */
const cameraEncodings: (RTCRtpEncodingParameters & { scalabilityMode: string })[] = [
  { rid: 'f', maxBitrate: 1_300_000, scalabilityMode: 'L1T2' },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 450_000, scalabilityMode: 'L1T2' },
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: 'L1T2' },
];
/** A screen is sent whole, and at half its size for who cannot have that. */
const screenEncodings: RTCRtpEncodingParameters[] = [
  { rid: 'f', maxBitrate: 2_500_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 600_000 },
];

export interface Seat {
  mid: string;
  stream: MediaStream;
  receiver: RTCRtpReceiver;
}

export class Media {
  readonly pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  readonly #lines: Record<Source, RTCRtpTransceiver>;
  readonly #voices: RTCRtpTransceiver[] = [];
  readonly #pictures: RTCRtpTransceiver[] = [];
  readonly #decodes = new Set<string>(); // what the pictures may be in

  constructor() {
    this.#lines = {
      microphone: this.pc.addTransceiver('audio', { direction: 'sendonly' }),
      camera: this.pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: cameraEncodings }),
      screen: this.pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: screenEncodings }),
      'screen-audio': this.pc.addTransceiver('audio', { direction: 'sendonly' }),
    };
    prefer(this.#lines.camera);
    prefer(this.#lines.screen);
    for (let k = 0; k < voices; k++) this.#voices.push(this.pc.addTransceiver('audio', { direction: 'recvonly' }));
    for (let k = 0; k < pictures; k++) {
      const transceiver = this.pc.addTransceiver('video', { direction: 'recvonly' });
      for (const codec of prefer(transceiver, 'H.264')) this.#decodes.add(codec.mimeType.toLowerCase());
      this.#pictures.push(transceiver);
    }
  }

  /** Whether a picture can be shown, of a codec as in SDP; one that is not told of is tried. */
  shows(codec: string): boolean {
    return codec === '' || this.#decodes.size === 0 || this.#decodes.has(codec.toLowerCase());
  }

  /** The servers that candidates are found with. Other ones make the next offer restart ICE. */
  reach(iceServers: RTCIceServer[]): void {
    if (this.pc.signalingState !== 'closed') this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
  }

  /** Makes an offer that is the local description; candidates are trickled by onicecandidate. */
  async offer(iceRestart = false): Promise<Offer> {
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart }));
    const named: Record<string, Source> = {};
    for (const [source, line] of Object.entries(this.#lines)) {
      if (line.mid !== null) named[line.mid] = source as Source;
    }
    return { sdp: this.pc.localDescription?.sdp ?? '', sources: named };
  }

  async accept(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Sends this track from now on, or nothing. No SDP is needed. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    await this.#lines[source].sender.replaceTrack(track);
  }

  /** Sends only those encodings of a source, by RID: nobody watches the others. One after another: a browser refuses two at once. */
  limit(source: Source, rids: readonly string[]): Promise<void> {
    const limited = this.#limited.then(() => this.#limit(source, rids));
    this.#limited = limited.catch(() => undefined);
    return limited;
  }

  #limited: Promise<void> = Promise.resolve();

  async #limit(source: Source, rids: readonly string[]): Promise<void> {
    const { sender } = this.#lines[source];
    const parameters = sender.getParameters();
    let changed = false;
    for (const encoding of parameters.encodings) {
      const active = encoding.rid === undefined || rids.includes(encoding.rid);
      changed ||= encoding.active !== active;
      encoding.active = active;
    }
    if (changed) await sender.setParameters(parameters);
  }

  voices(): Seat[] {
    return this.#seats(this.#voices);
  }

  pictures(): Seat[] {
    return this.#seats(this.#pictures);
  }

  #streams = new Map<RTCRtpReceiver, MediaStream>();

  #seats(lines: RTCRtpTransceiver[]): Seat[] {
    return lines.flatMap((line) => {
      if (line.mid === null) return [];
      let stream = this.#streams.get(line.receiver);
      if (stream === undefined) {
        stream = new MediaStream([line.receiver.track]);
        this.#streams.set(line.receiver, stream);
      }
      return [{ mid: line.mid, stream, receiver: line.receiver }];
    });
  }

  /** Whose voice each seat carries just now and how loud, 0 to 1: by the participant's number. */
  levels(): Map<number, number> {
    const heard = new Map<number, number>();
    for (const { receiver } of this.#voices) {
      // A former speaker stays listed for 10 s: the newest one counts.
      const newest = receiver
        .getContributingSources()
        .reduce<RTCRtpContributingSource | null>((a, b) => (a === null || b.rtpTimestamp > a.rtpTimestamp ? b : a), null);
      if (newest === null || performance.timeOrigin + performance.now() - newest.timestamp > 400) continue;
      const level = newest.audioLevel ?? receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
      heard.set(newest.source, Math.max(level, heard.get(newest.source) ?? 0));
    }
    return heard;
  }

  /** When the last packet of any seat arrived, in milliseconds since 1970; 0 for never. */
  newest(): number {
    let newest = 0;
    for (const { receiver } of [...this.#voices, ...this.#pictures]) {
      for (const { timestamp } of receiver.getSynchronizationSources()) newest = Math.max(newest, timestamp);
    }
    return newest;
  }

  close(): void {
    this.pc.close();
  }
}
