import { describe, expect, it } from 'vitest';
import { reasons } from './why';

describe('why an entry was found', () => {
  it('is told in words, each once', () => {
    expect(reasons(['commit i-will', 'commit mine', 'accepted', 'model +3.4'])).toEqual(['somebody takes it on', 'somebody agreed']);
  });
  it('says so when only the model speaks for it, or a person added it', () => {
    expect(reasons(['model +0.3'])).toEqual(['the way it is said']);
    expect(reasons([])).toEqual(['added by a person']);
  });
});
