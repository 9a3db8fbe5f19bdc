import { describe, expect, it } from 'vitest';
import { forget, keepOutbox, recall, recallOutbox, remember, type TabMemory } from './tab';

function store(): Storage {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    clear: () => kept.clear(),
    key: (n) => [...kept.keys()][n] ?? null,
    getItem: (k) => kept.get(k) ?? null,
    setItem: (k, v) => void kept.set(k, v),
    removeItem: (k) => void kept.delete(k),
  };
}

const memory: TabMemory = { resume: 'token', name: 'Nora', consent: 'granted', microphone: true, camera: false };

describe('a tab', () => {
  it('remembers one participation per meeting', () => {
    const s = store();
    remember(s, 'a', memory);
    expect(recall(s, 'a')).toEqual(memory);
    expect(recall(s, 'b')).toBeNull();
    forget(s, 'a');
    expect(recall(s, 'a')).toBeNull();
  });
  it('keeps the lines of chat that are on their way', () => {
    const s = store();
    const lines = [{ key: 'k', text: 'x', failed: '', there: false, by: 'me', unsure: false }];
    expect(recallOutbox(s, 'a')).toEqual([]);
    keepOutbox(s, 'a', lines);
    expect(recallOutbox(s, 'a')).toEqual(lines);
    forget(s, 'a');
    expect(recallOutbox(s, 'a')).toEqual([]);
    s.setItem('parley.outbox.a', '{');
    expect(recallOutbox(s, 'a')).toEqual([]);
    keepOutbox(s, 'a', []);
    expect(s.length).toBe(0);
  });
  it('forgets what it cannot read', () => {
    const s = store();
    for (const text of ['{', 'null', '{}', '{"resume":1,"name":"x"}', '{"resume":"x","name":"x","consent":"maybe"}']) {
      s.setItem('parley.call.a', text);
      expect(recall(s, 'a'), text).toBeNull();
    }
  });
});
