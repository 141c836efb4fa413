import { Fragment, useMemo, useState } from 'react';
import type { Performance, VersionInfo } from '@gyre/contracts';
import { answersBy } from '../view/answers.js';
import { bandsOf, coloursOf, meanOf } from '../view/bands.js';
import { count, day, lasting, metricName, metricValue } from '../view/figures.js';
import { GatesTable } from './evidence.js';

const FIRST = 8;

export function VersionsTable({
  versions,
  performance,
}: {
  versions: readonly VersionInfo[] | null;
  performance: Performance | null;
}) {
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<number | null>(null);
  const colours = useMemo(() => coloursOf(bandsOf(performance?.windows ?? [])), [performance]);
  const metric = performance?.metric ?? 'accuracy';
  const rows = versions ?? [];
  const shown = all ? rows : rows.slice(0, FIRST);
  const served = (version: number) =>
    performance === null ? null : meanOf(answersBy(performance.windows, version), metric);
  return (
    <section className="panel versions" aria-labelledby="versions">
      <header>
        <h2 id="versions">Versions</h2>
        <p>{versions === null ? 'reading …' : rows.length === 0 ? 'none yet' : count(rows.length)}</p>
      </header>
      {rows.length === 0 ? (
        <p className="nothing">
          {versions !== null && 'The first version is trained as soon as enough labels have come back.'}
        </p>
      ) : (
        <div className="scroll-x">
          <table>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Trained as</th>
                <th scope="col" className="number">
                  Rows
                </th>
                <th scope="col" className="number">
                  Holdout
                </th>
                <th scope="col" className="number">
                  Baseline
                </th>
                <th scope="col" className="number">
                  Served
                </th>
                <th scope="col">Gates</th>
                <th scope="col">Champion for</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((info) => {
                const { version, candidate, gates, role } = info;
                const passed = gates.filter((gate) => gate.passed).length;
                const colour = colours.get(version);
                return (
                  <Fragment key={version}>
                    <tr className={role}>
                      <th scope="row">
                        <span
                          className={`swatch ${colour === undefined ? 'band-none' : `band-${colour}`}`}
                          aria-hidden="true"
                        />
                        v{version}
                        {role !== 'archived' && <span className="role">{role}</span>}
                      </th>
                      <td>{candidate.name}</td>
                      <td className="number">{count(candidate.trainingRows)}</td>
                      <td className="number">{metricValue(metric, candidate.metrics[metric])}</td>
                      <td className="number faint">{metricValue(metric, candidate.baseline[metric])}</td>
                      <td className="number">{metricValue(metric, served(version))}</td>
                      <td>
                        <button
                          type="button"
                          className="link"
                          aria-expanded={open === version}
                          onClick={() => setOpen(open === version ? null : version)}
                        >
                          {passed}/{gates.length}
                        </button>
                      </td>
                      <td className="faint">{tenure(info)}</td>
                    </tr>
                    {open === version && (
                      <tr className="opened">
                        <td colSpan={8}>
                          <GatesTable gates={gates} />
                          <p className="aside">
                            Registered {day(info.registeredAt)} by run <code>{info.run}</code>; ONNX{' '}
                            <code>{candidate.onnx.slice(0, 12)}</code>, manifest{' '}
                            <code>{candidate.manifest.slice(0, 12)}</code>
                          </p>
                        </td>
                      </tr>
                    )}
                  </Fragment>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > FIRST && (
        <button type="button" className="quiet-button more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${rows.length}`}
        </button>
      )}
      {rows.length > 0 && (
        <p className="aside">
          {metricName(metric)} on the holdout, of the trivial baseline there, and of what it answered when it served.
        </p>
      )}
    </section>
  );
}

function tenure({ served }: VersionInfo): string {
  if (served.length === 0) return 'never';
  if (served.some(({ until }) => until === null))
    return `since ${day(served.find(({ until }) => until === null)?.from ?? 0)}`;
  return lasting(served.reduce((sum, { from, until }) => sum + ((until ?? from) - from), 0));
}
