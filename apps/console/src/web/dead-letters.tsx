import type { RefObject } from 'react';
import type { DeadLetterEntry } from '@gyre/contracts';
import { replayCommand } from '../view/commands.js';
import { moment } from '../view/figures.js';

export function DeadLetters({
  dialog,
  letters,
}: {
  dialog: RefObject<HTMLDialogElement | null>;
  letters: readonly DeadLetterEntry[];
}) {
  return (
    <dialog ref={dialog} className="dead-letters" aria-labelledby="dead-letters">
      <header>
        <h2 id="dead-letters">Dead letters</h2>
        <button type="button" className="quiet-button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <p className="lead">
        Events that were refused, newest first. Nothing else waits for them. An event that is given back has lost its
        place in the order of its key.
      </p>
      <ol>
        {letters.map((letter) => (
          <li key={`${letter.partition}:${letter.offset}`}>
            <p className="what">
              <b>{letter.code}</b> {letter.reason}
            </p>
            <p className="meta">
              {moment(letter.occurredAt)} UTC · {letter.group === '' ? 'before the log' : letter.group} ·{' '}
              {letter.source.topic}
              {letter.source.offset < 0 ? '' : ` ${letter.source.partition}:${letter.source.offset}`}
            </p>
            <pre>{letter.preview}</pre>
            <Replay command={replayCommand(letter)} />
          </li>
        ))}
      </ol>
    </dialog>
  );
}

function Replay({ command }: { command: string | null }) {
  if (command === null) return <p className="meta">The log holds no event to give back.</p>;
  return (
    <p className="meta">
      Give it back with <code>{command}</code>
    </p>
  );
}
