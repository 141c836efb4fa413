import { useSyncExternalStore } from 'react';

const MOVED = 'gyre:moved';

/** The model that the address names, or null for the overview. */
export function useRoute(): string | null {
  const path = useSyncExternalStore(subscribe, () => window.location.pathname);
  const match = /^\/models\/([^/]+)\/?$/.exec(path);
  try {
    return match === null ? null : decodeURIComponent(match[1] as string);
  } catch {
    return null;
  }
}

export function modelPath(model: string): string {
  return `/models/${encodeURIComponent(model)}`;
}

export function go(path: string): void {
  window.history.pushState(null, '', path);
  window.dispatchEvent(new Event(MOVED));
  window.scrollTo(0, 0);
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('popstate', changed);
  window.addEventListener(MOVED, changed);
  return () => {
    window.removeEventListener('popstate', changed);
    window.removeEventListener(MOVED, changed);
  };
}
