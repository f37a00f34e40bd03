// The address bar is the state: pages read it, links and `setParams` write it.
import { type AnchorHTMLAttributes, useCallback, useMemo, useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
const notify = () => listeners.forEach((listener) => listener());
addEventListener('popstate', notify);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const href = () => location.pathname + location.search;

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === href()) return;
  const moved = new URL(to, location.origin).pathname !== location.pathname;
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  notify();
  if (moved) scrollTo(0, 0);
}

export function useLocation(): { path: string; search: URLSearchParams } {
  const current = useSyncExternalStore(subscribe, href);
  return useMemo(() => {
    const url = new URL(current, location.origin);
    return { path: url.pathname, search: url.searchParams };
  }, [current]);
}

type Values = Record<string, string | null | undefined>;

/** The present page with other search parameters; an empty value removes one. */
export function paramsHref(values: Values): string {
  const search = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(values)) {
    if (value) search.set(key, value);
    else search.delete(key);
  }
  // Commas, colons and slashes are legal in a query, and an address that people can read is worth the care.
  const text = search.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
  return location.pathname + (text ? `?${text}` : '');
}

/** Sets search parameters of the present page; an empty value removes one. */
export function setParams(values: Values, options: { push?: boolean } = {}): void {
  navigate(paramsHref(values), { replace: !options.push });
}

export function useParam(name: string, fallback = ''): [string, (value: string | null) => void] {
  const { search } = useLocation();
  const set = useCallback((value: string | null) => setParams({ [name]: value === fallback ? null : value }), [name, fallback]);
  return [search.get(name) ?? fallback, set];
}

/** An ordinary link that does not reload the page; modifiers and foreign addresses stay the browser's. */
export function Link({ href: to, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  return (
    <a
      href={to}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        if (!to.startsWith('/') || to.startsWith('/api/')) return;
        event.preventDefault();
        navigate(to);
      }}
      {...rest}
    />
  );
}

export const enc = encodeURIComponent;
