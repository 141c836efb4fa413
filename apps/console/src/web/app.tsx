import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { partsOf, type Resource } from '../view/live-state.js';
import { Empty } from './empty.js';
import { ModelPage } from './model-page.js';
import { Overview } from './overview.js';
import { useRoute } from './routes.js';
import type { LiveStore } from './store.js';
import { TopBar } from './top-bar.js';

export function App({ store }: { store: LiveStore }) {
  const state = useSyncExternalStore(store.subscribe, store.snapshot);
  const named = useRoute();
  const names = useMemo(() => state.models?.map(({ model }) => model) ?? [], [state.models]);
  // One model alone needs no overview.
  const shown = named ?? (names.length === 1 ? (names[0] as string) : null);
  const joined = names.join('\n');

  useEffect(() => {
    const always: Resource[] = ['models', 'specs', 'deadletters'];
    const overview =
      joined === ''
        ? []
        : joined
            .split('\n')
            .flatMap((model): Resource[] => [`performance:${model}`, `timeline:${model}`, `versions:${model}`]);
    store.want([...always, ...(shown === null ? overview : partsOf(shown))]);
    document.title = shown === null ? 'Gyre' : `${shown} · Gyre`;
  }, [store, shown, joined]);

  const status = state.models?.find(({ model }) => model === shown);
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <TopBar state={state} shown={shown} />
      {state.failure !== null && state.connection !== 'lost' && (
        <p className="notice" role="status">
          {state.failure}
        </p>
      )}
      <main id="content" tabIndex={-1}>
        {state.models === null ? (
          <p className="page-note" role="status">
            {state.connection === 'lost'
              ? 'Gyre does not answer. This page connects again by itself; is `gyre up` running?'
              : 'Reading …'}
          </p>
        ) : shown !== null && status !== undefined ? (
          <ModelPage key={shown} store={store} state={state} status={status} />
        ) : state.models.length === 0 ? (
          <Empty views={state.specs?.views.length ?? 0} />
        ) : shown !== null ? (
          <p className="page-note">
            There is no model named “{shown}”. There are: {names.join(', ')}.
          </p>
        ) : (
          <Overview state={state} />
        )}
      </main>
    </>
  );
}
