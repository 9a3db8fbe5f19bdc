import { describe, expect, it } from 'vitest';
import type { Reason } from './doubt';
import { watchNetwork } from './network';

class Connection extends EventTarget {
  type: string | undefined;
}

/** A browser, and what was told of it. */
function watch(type?: string) {
  const connection = Object.assign(new Connection(), { type });
  const browser = {
    window: new EventTarget(),
    document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
    navigator: { onLine: true, connection },
  };
  const told: Reason[] = [];
  const stop = watchNetwork(browser, (reason) => told.push(reason));
  return { ...browser, connection, told, stop };
}
const change = (w: ReturnType<typeof watch>, type: string | undefined): void => {
  w.connection.type = type;
  w.connection.dispatchEvent(new Event('change'));
};

describe('what a browser tells of its network', () => {
  it('is another one when it is back', () => {
    const w = watch();
    w.window.dispatchEvent(new Event('offline'));
    expect(w.told).toEqual([]);
    w.window.dispatchEvent(new Event('online'));
    expect(w.told).toEqual(['change']);
  });
  it('is another one when its type is, and a hint when only its speed is', () => {
    const w = watch('wifi');
    change(w, 'wifi');
    change(w, 'cellular');
    change(w, 'none');
    change(w, 'wifi');
    expect(w.told).toEqual(['doubt', 'change', 'change']);
    const other = watch();
    change(other, undefined);
    expect(other.told).toEqual(['doubt']);
  });
  it('is a hint when the page is looked at again', () => {
    const w = watch();
    for (const state of ['hidden', 'visible']) {
      w.document.visibilityState = state;
      w.document.dispatchEvent(new Event('visibilitychange'));
    }
    expect(w.told).toEqual(['doubt']);
  });
  it('is nothing while it is away', () => {
    const w = watch();
    w.navigator.onLine = false;
    change(w, undefined);
    w.document.dispatchEvent(new Event('visibilitychange'));
    expect(w.told).toEqual([]);
  });
  it('is not listened to any more after the end', () => {
    const w = watch();
    w.stop();
    w.window.dispatchEvent(new Event('online'));
    change(w, 'cellular');
    w.document.dispatchEvent(new Event('visibilitychange'));
    expect(w.told).toEqual([]);
  });
});
