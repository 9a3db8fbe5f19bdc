import { describe, expect, it } from 'vitest';
import { samePeer } from './sdp';

const answer = (origin: string): string => `v=0\r\no=${origin} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n`;

describe('an answer', () => {
  it('is of the same peer when only its version rose', () => {
    expect(samePeer(answer('- 7 2'), answer('- 7 3'))).toBe(true);
  });
  it('is of another one after the server restarted', () => {
    expect(samePeer(answer('- 7 2'), answer('- 8 2'))).toBe(false);
  });
  it('is fine when it is the first', () => expect(samePeer('', answer('- 7 2'))).toBe(true));
});
