import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decode } from './messages';

const corpus = join(import.meta.dirname, '../../../signaling/testdata/messages');
const examples = readdirSync(corpus).filter((name) => name.startsWith('server-'));

describe('the messages of the server', () => {
  it('are all there', () => expect(examples.length).toBeGreaterThan(9));
  for (const name of examples) {
    it(`${name} is understood`, () => {
      const frame = readFileSync(join(corpus, name), 'utf8');
      expect(decode(frame).type).toBe(name.replace(/^server-|\.json$/g, ''));
    });
    it(`${name} with a field too many is refused`, () => {
      const value = JSON.parse(readFileSync(join(corpus, name), 'utf8')) as object;
      expect(() => decode(JSON.stringify({ ...value, surprise: 1 }))).toThrow('surprise');
    });
  }
  it('of an unknown type are refused', () => expect(() => decode('{"type":"surprise"}')).toThrow());
  it('that are no JSON are refused', () => expect(() => decode('{')).toThrow());
});
