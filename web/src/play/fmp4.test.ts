import { describe, expect, it } from 'vitest';
import { codecOf, fragment, initialization, readHead } from './fmp4';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16));
const text = (b: Uint8Array): string => String.fromCharCode(...b);

// 640 x 360, as the server writes it: EBML, Segment of unknown size, Info, Tracks.
const config = '0142c01fffe100036742c001000268ce';
const head = bytes(
  '1a45dfa3' + '84' + '42868101' + // a head of four bytes
    '18538067' + '01ffffffffffffff' +
    '1549a966' + '87' + '2ad7b1830f4240' +
    '1654ae6b' + 'a9' + 'ae' + 'a7' +
    'd78101' + '8688' + '565f4d5045473456' + // codec id, which nobody looks at here
    '63a2' + '90' + config +
    'e0' + '88' + 'b0820280' + 'ba820168',
);

/** A cluster at 70,000 ms with two pictures, 40 ms apart. */
const cluster = bytes(
  '1f43b675' + '01ffffffffffffff' + 'e7' + '88' + '0000000000011170' +
    'a3' + '0100000000000006' + '81' + '0005' + '80' + 'aabb' +
    'a3' + '0100000000000005' + '81' + '002d' + '00' + 'cc',
);

/** The content of the box that is reached by that path. */
function find(b: Uint8Array, ...path: string[]): Uint8Array {
  const [kind, ...rest] = path;
  if (kind === undefined) return b;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  for (let at = 0; at < b.length; at += view.getUint32(at)) {
    if (text(b.subarray(at + 4, at + 8)) === kind) return find(b.subarray(at + 8, at + view.getUint32(at)), ...rest);
  }
  throw new Error(`no ${kind}`);
}

describe('H.264 packed anew', () => {
  it('has the description of the track', () => {
    const h = readHead(head);
    expect([h.width, h.height, codecOf(h)]).toEqual([640, 360, 'avc1.42c01f']);
    const entry = find(initialization(h), 'moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd').subarray(8);
    expect([...find(find(entry, 'avc1').subarray(78), 'avcC')]).toEqual([...bytes(config)]);
  });

  it('has the pictures at their times', () => {
    const made = fragment(cluster, 3, 70_100);
    const view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.length);
    expect(view(find(made, 'moof', 'traf', 'tfdt')).getBigUint64(4)).toBe(70_005n);
    const run = view(find(made, 'moof', 'traf', 'trun'));
    expect(run.getUint32(4)).toBe(2);
    expect(text(made.subarray(run.getUint32(8) - 4, run.getUint32(8)))).toBe('mdat');
    const rows = [12, 24].map((at) => [run.getUint32(at), run.getUint32(at + 4), run.getUint32(at + 8)]);
    expect(rows).toEqual([
      [40, 2, 0x02000000],
      [55, 1, 0x01010000], // until the next piece begins
    ]);
    expect([...find(made, 'mdat')]).toEqual([0xaa, 0xbb, 0xcc]);
    const last = view(find(fragment(cluster, 3), 'moof', 'traf', 'trun'));
    expect(last.getUint32(24)).toBe(33);
  });

  it('is nothing without pictures, and refuses what is cut short', () => {
    expect(fragment(cluster.subarray(0, 22), 1)).toHaveLength(0);
    for (const cut of [23, 30, 40, cluster.length - 1]) {
      expect(() => fragment(cluster.subarray(0, cut), 1)).toThrow('cut short');
    }
    expect(() => readHead(cluster)).toThrow('decoded');
  });
});
