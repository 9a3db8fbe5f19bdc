import { describe, expect, it } from 'vitest';
import { converterTo } from './convert';

describe('Chinese in another script', () => {
  it('becomes traditional as in Hong Kong', async () => {
    const convert = await converterTo('hant');
    expect(convert('佢哋喺弥敦道嗰度讲嘢')).toBe('佢哋喺彌敦道嗰度講嘢');
    expect(convert('头发和发展')).toBe('頭髮和發展');
  });
  it('stays as it is when it is traditional', async () => {
    expect((await converterTo('hant'))('皇后大道後面')).toBe('皇后大道後面');
  });
  it('becomes simplified', async () => {
    expect((await converterTo('hans'))('財務部下週提交預算草案')).toBe('财务部下周提交预算草案');
  });
});
