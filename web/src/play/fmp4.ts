// What a browser plays of H.264: fragmented MP4 (ISO/IEC 14496-12 §8.8, 14496-15), made of the Matroska that parley
// keeps, which no Media Source takes. Nothing is decoded; times are milliseconds of the meeting clock, as there.

/** One picture, as it lies in a block. */
interface Sample {
  at: number;
  key: boolean;
  data: Uint8Array;
}

/** A track's head. */
export interface Head {
  width: number;
  height: number;
  /** AVCDecoderConfigurationRecord */
  config: Uint8Array;
}

// Elements of Matroska (RFC 9559 §5.1) that are gone into, and those that say something.
const masters = new Set([0x18538067, 0x1654ae6b, 0xae, 0xe0, 0x1f43b675]); // Segment, Tracks, TrackEntry, Video, Cluster
const timecode = 0xe7;
const simpleBlock = 0xa3;
const codecPrivate = 0x63a2;
const pixelWidth = 0xb0;
const pixelHeight = 0xba;

/** An integer of variable length (RFC 8794 §4); an id keeps its marker, a size does not. */
function vint(b: Uint8Array, at: number, keepMarker: boolean): [value: number, next: number] {
  const first = b[at] ?? 0;
  const length = Math.clz32(first) - 23;
  if (first === 0 || at + length > b.length) throw new Error('a piece of the recording is cut short');
  let value = keepMarker ? first : first & (0xff >> length);
  let ones = !keepMarker && value === 0xff >> length;
  for (let i = 1; i < length; i++) {
    value = value * 256 + b[at + i]!;
    ones &&= b[at + i] === 0xff;
  }
  return [ones ? Infinity : value, at + length]; // all ones: of unknown size
}

/** Calls `visit` for each element that is not a master, in order. */
function walk(b: Uint8Array, visit: (id: number, content: Uint8Array) => void): void {
  for (let at = 0; at < b.length; ) {
    const [id, sizeAt] = vint(b, at, true);
    const [size, from] = vint(b, sizeAt, false);
    if (masters.has(id)) {
      at = from; // its elements follow one another, whatever holds them
      continue;
    }
    if (from + size > b.length) throw new Error('a piece of the recording is cut short');
    visit(id, b.subarray(from, from + size));
    at = from + size;
  }
}

const integer = (b: Uint8Array): number => b.reduce((n, byte) => n * 256 + byte, 0);

/** Reads a track's head: piece 0 of it. */
export function readHead(piece: Uint8Array): Head {
  const head: Head = { width: 0, height: 0, config: new Uint8Array() };
  walk(piece, (id, content) => {
    if (id === codecPrivate) head.config = content;
    if (id === pixelWidth) head.width = integer(content);
    if (id === pixelHeight) head.height = integer(content);
  });
  if (head.config.length < 7) throw new Error('a track of the recording does not say how it is decoded');
  return head;
}

/** Reads the pictures of a later piece. */
function readSamples(piece: Uint8Array): Sample[] {
  const samples: Sample[] = [];
  let cluster = 0;
  walk(piece, (id, content) => {
    if (id === timecode) cluster = integer(content);
    if (id !== simpleBlock || content.length < 4) return;
    const offset = (content[1]! << 24 >> 16) | content[2]!;
    samples.push({ at: cluster + offset, key: (content[3]! & 0x80) !== 0, data: content.subarray(4) });
  });
  return samples;
}

/** What codec it is, as in RFC 6381 §3.3. */
export function codecOf(head: Head): string {
  return 'avc1.' + [...head.config.subarray(1, 4)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

type Part = Uint8Array | number[];

const u16 = (n: number): number[] => [(n >>> 8) & 0xff, n & 0xff];
const u32 = (n: number): number[] => [...u16(n >>> 16), ...u16(n)];
const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const ascii = (s: string): number[] => [...s].map((c) => c.charCodeAt(0));

function box(kind: string, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((n, p) => n + p.length, 8);
  const whole = new Uint8Array(size);
  whole.set([...u32(size), ...ascii(kind)]);
  let at = 8;
  for (const p of parts) {
    whole.set(p, at);
    at += p.length;
  }
  return whole;
}

const fullBox = (kind: string, version: number, flags: number, ...parts: Part[]): Uint8Array<ArrayBuffer> =>
  box(kind, [version, ...u32(flags).slice(1)], ...parts);

const timescale = 1000;
const unity = [...u32(0x10000), ...zeros(12), ...u32(0x10000), ...zeros(12), ...u32(0x40000000)]; // no rotation

/** The initialization segment of a track. */
export function initialization(head: Head): Uint8Array<ArrayBuffer> {
  const { width, height } = head;
  const entry = box(
    'avc1',
    [...zeros(6), ...u16(1), ...zeros(16), ...u16(width), ...u16(height), ...u32(0x480000), ...u32(0x480000)],
    [...zeros(4), ...u16(1), ...zeros(32), ...u16(24), 0xff, 0xff],
    box('avcC', head.config),
  );
  const none = ['stts', 'stsc', 'stco'].map((kind) => fullBox(kind, 0, 0, u32(0)));
  const samples = box('stbl', fullBox('stsd', 0, 0, u32(1), entry), ...none, fullBox('stsz', 0, 0, zeros(8)));
  const source = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
  const media = box(
    'mdia',
    fullBox('mdhd', 0, 0, zeros(8), u32(timescale), zeros(4), u16(0x55c4), zeros(2)), // language: und
    fullBox('hdlr', 0, 0, zeros(4), ascii('vide'), zeros(13)),
    box('minf', fullBox('vmhd', 0, 1, zeros(8)), source, samples),
  );
  const shown = fullBox('tkhd', 0, 3, zeros(8), u32(1), zeros(24), unity, u16(width), zeros(2), u16(height), zeros(2));
  const movie = fullBox('mvhd', 0, 0, zeros(8), u32(timescale), zeros(4), u32(0x10000), u16(0x100), zeros(10), unity, zeros(24), u32(2));
  const extends_ = box('mvex', fullBox('trex', 0, 0, u32(1), u32(1), zeros(12)));
  return join(box('ftyp', ascii('isom'), u32(0), ascii('isomavc1')), box('moov', movie, box('trak', shown, media), extends_));
}

const keySample = 0x02000000; // depends on no other
const deltaSample = 0x01010000; // depends on others, is no place to begin at
/** How long a picture lasts that nothing follows, in milliseconds. */
const alone = 33;

/** The media segment of a later piece. `next` is when the piece after it begins, undefined when that is not near. */
export function fragment(piece: Uint8Array, number: number, next?: number): Uint8Array<ArrayBuffer> {
  const samples = readSamples(piece);
  const first = samples[0];
  if (first === undefined) return new Uint8Array();
  const lasts = samples.map((s, i) => Math.max(1, (samples[i + 1]?.at ?? next ?? s.at + alone) - s.at));
  const rows = samples.flatMap((s, i) => [...u32(lasts[i]!), ...u32(s.data.length), ...u32(s.key ? keySample : deltaSample)]);
  const make = (dataAt: number): Uint8Array<ArrayBuffer> =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, u32(number)),
      box(
        'traf',
        fullBox('tfhd', 0, 0x020000, u32(1)), // data lies relative to this box
        fullBox('tfdt', 1, 0, u32(Math.floor(first.at / 2 ** 32)), u32(first.at % 2 ** 32)),
        fullBox('trun', 0, 0x000701, u32(samples.length), u32(dataAt), rows), // where data lies; length, size, flags of each
      ),
    );
  const head = make(make(0).length + 8);
  return join(head, box('mdat', ...samples.map((s) => s.data)));
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
