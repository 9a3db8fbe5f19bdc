import { expect, it } from 'vitest';
import { link } from './link';

it('finds addresses, and nothing else', () => {
  expect(link('see https://a.example/b?c=1, and http://x.example.')).toEqual([
    { text: 'see ', href: '' },
    { text: 'https://a.example/b?c=1', href: 'https://a.example/b?c=1' },
    { text: ', and ', href: '' },
    { text: 'http://x.example', href: 'http://x.example' },
    { text: '.', href: '' },
  ]);
  expect(link('javascript:alert(1) <b>no</b>')).toEqual([{ text: 'javascript:alert(1) <b>no</b>', href: '' }]);
  expect(link('')).toEqual([]);
});
