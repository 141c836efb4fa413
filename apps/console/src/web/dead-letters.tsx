import type { RefObject } from 'react';
import type { DeadLetterEntry } from '@gyre/contracts';
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
        Events that were refused, newest first. Nothing else waits for them. Give them back with{' '}
        <code>gyre deadletters replay</code>; they have then lost their place in the order of their key.
      </p>
      <ol>
        {letters.map((letter) => (
          <li key={`${letter.partition}:${letter.offset}`}>
            <p className="what">
              <b>{letter.code}</b> {letter.reason}
            </p>
            <p className="meta">
              {moment(letter.occurredAt)} UTC · {letter.group === '' ? 'before the log' : letter.group} ·{' '}
              {letter.source.topic} {letter.source.partition}/{letter.source.offset} · letter {letter.partition}/
              {letter.offset}
            </p>
            <pre>{letter.preview}</pre>
          </li>
        ))}
      </ol>
    </dialog>
  );
}
