// Addresses of the app. The server answers every one of them with the same page.

export type Route =
  | { page: 'home' }
  | { page: 'meeting'; id: string }
  | { page: 'records' }
  | { page: 'record'; id: string; at: number }
  | { page: 'unknown' };

const code = /^[a-z]{3}-[a-z]{4}-[a-z]{3}$/;

/** What an address shows. `at` is seconds, from ?t=. */
export function match(url: URL): Route {
  const parts = url.pathname.split('/').filter((p) => p !== '');
  const [first, id, rest] = parts;
  if (first === undefined) return { page: 'home' };
  if (rest !== undefined) return { page: 'unknown' };
  if (first === 'j' && id !== undefined && code.test(id)) return { page: 'meeting', id };
  if (first === 'r' && id === undefined) return { page: 'records' };
  if (first === 'r' && id !== undefined && code.test(id)) {
    const at = Number(url.searchParams.get('t') ?? '0');
    return { page: 'record', id, at: Number.isFinite(at) && at > 0 ? at : 0 };
  }
  return { page: 'unknown' };
}

/** The secret of an address, which is taken out of it before anything else: "" for none. */
export function takeLink(url: URL): string {
  return url.searchParams.get('k') ?? url.searchParams.get('host') ?? '';
}

/** The code of a meeting in what somebody typed or pasted; "" for none. */
export function meetingCode(typed: string): { id: string; search: string } | null {
  const found = /([a-z]{3}-[a-z]{4}-[a-z]{3})(\?[^\s#]*)?/.exec(typed.trim());
  return found?.[1] === undefined ? null : { id: found[1], search: found[2] ?? '' };
}

type Listener = (route: Route) => void;
const listeners = new Set<Listener>();

/** Calls back now and whenever the address changes; returns how to stop. */
export function onRoute(listener: Listener): () => void {
  const tell = (): void => listener(match(new URL(location.href)));
  listeners.add(listener);
  addEventListener('popstate', tell);
  tell();
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', tell);
  };
}

export function go(path: string, options?: { replace: boolean }): void {
  if (options?.replace === true) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  for (const listener of listeners) listener(match(new URL(location.href)));
  scrollTo(0, 0);
}

/** Lets the app follow a link within it; for use on a container. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = event.target instanceof Element ? event.target.closest('a') : null;
  if (anchor === null || anchor.target !== '' || anchor.origin !== location.origin || anchor.pathname.startsWith('/api/')) return;
  event.preventDefault();
  go(anchor.pathname + anchor.search);
}
