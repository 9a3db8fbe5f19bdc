import { describe, expect, it } from 'vitest';
import { match, meetingCode, takeLink } from './router';

const at = (path: string) => match(new URL(path, 'http://localhost'));

describe('addresses', () => {
  it('find their page', () => {
    expect(at('/')).toEqual({ page: 'home' });
    expect(at('/?host=x')).toEqual({ page: 'home' });
    expect(at('/j/kfm-tqzw-rbn?k=x')).toEqual({ page: 'meeting', id: 'kfm-tqzw-rbn' });
    expect(at('/r')).toEqual({ page: 'records' });
    expect(at('/r/kfm-tqzw-rbn?t=75.5')).toEqual({ page: 'record', id: 'kfm-tqzw-rbn', at: 75.5 });
    expect(at('/r/kfm-tqzw-rbn?t=x')).toEqual({ page: 'record', id: 'kfm-tqzw-rbn', at: 0 });
  });
  it('that are nobody’s are unknown', () => {
    for (const path of ['/x', '/j', '/j/../etc', '/j/KFM-TQZW-RBN', '/r/a/b', '/j/kfm-tqzw-rbn/x']) {
      expect(at(path), path).toEqual({ page: 'unknown' });
    }
  });
  it('give up their secret', () => {
    expect(takeLink(new URL('http://x/j/a?k=one'))).toBe('one');
    expect(takeLink(new URL('http://x/?host=two'))).toBe('two');
    expect(takeLink(new URL('http://x/'))).toBe('');
  });
});

describe('what somebody pastes', () => {
  it('is a code, or a link with its secret', () => {
    expect(meetingCode(' kfm-tqzw-rbn ')).toEqual({ id: 'kfm-tqzw-rbn', search: '' });
    expect(meetingCode('https://x.example/j/kfm-tqzw-rbn?k=aBc.d_e')).toEqual({ id: 'kfm-tqzw-rbn', search: '?k=aBc.d_e' });
    expect(meetingCode('hello')).toBeNull();
  });
});
