import { useEffect, useRef, useState, type MouseEvent } from 'react';
import type { Session } from '@gyre/contracts';
import type { LiveState } from '../view/live-state.js';
import { counted } from '../view/figures.js';
import { api } from './api.js';
import { DeadLetters } from './dead-letters.js';
import { Mark } from './icons.js';
import { go, modelPath } from './routes.js';

const STATES = { connecting: 'connecting', live: 'live', lost: 'disconnected' };

/** Links stay links: with a modifier key they open elsewhere. */
export function follow(path: string) {
  return (event: MouseEvent<HTMLAnchorElement>) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(path);
  };
}

/** Who looks at this page. */
function useSession(): Session | null {
  const [session, setSession] = useState<Session | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    api.session(leaving.signal).then(setSession, () => undefined);
    return () => leaving.abort();
  }, []);
  return session;
}

export function TopBar({ state, shown }: { state: LiveState; shown: string | null }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const session = useSession();
  const models = state.models ?? [];
  const letters = state.deadLetters ?? [];
  return (
    <header className="top-bar">
      <a className="brand" href="/" onClick={follow('/')}>
        <Mark />
        Gyre
      </a>
      <nav className="models" aria-label="Models">
        {models.length > 1 && (
          <>
            <a href="/" onClick={follow('/')} aria-current={shown === null ? 'page' : undefined}>
              All models
            </a>
            {models.map(({ model }) => (
              <a
                key={model}
                href={modelPath(model)}
                onClick={follow(modelPath(model))}
                aria-current={shown === model ? 'page' : undefined}
              >
                {model}
              </a>
            ))}
          </>
        )}
      </nav>
      {letters.length > 0 && (
        <button type="button" className="quiet-button" onClick={() => dialog.current?.showModal()}>
          {letters.length >= 100 ? '100 or more dead letters' : counted(letters.length, 'dead letter')}
        </button>
      )}
      <span className={`connection ${state.connection}`} role="status">
        <span className="lamp" aria-hidden="true" />
        {STATES[state.connection]}
      </span>
      {session?.signedIn === true && (
        <button
          type="button"
          className="quiet-button"
          title={`Signed in as ${session.name}`}
          onClick={() => void api.signOut()}
        >
          Sign out
        </button>
      )}
      <DeadLetters dialog={dialog} letters={letters} />
    </header>
  );
}
