import type { PerformanceMeasured, VersionMeasured } from '@gyre/contracts';
import { count, counted, metricValue } from './figures.js';
import { versionName } from './sentences.js';

/** So many versions are named of a window in which many answered. */
const NAMED_MAX = 3;

/** Each version's answers in a window, in the order in which they first answered. */
export function answersOf(window: PerformanceMeasured): readonly VersionMeasured[] {
  const { version, fromLabel, toLabel, from, to, metrics } = window;
  // Windows that were measured before versions were told apart are kept for months.
  return window.versions ?? [{ version, labels: toLabel - fromLabel, fromLabel, toLabel, from, to, metrics }];
}

/** What one version answered, or the fallback, window by window. */
export function answersBy(windows: readonly PerformanceMeasured[], version: number | null): VersionMeasured[] {
  return windows.flatMap((window) => answersOf(window).filter((answers) => answers.version === version));
}

/**
 * Who answered in a window one after the other, from its beginning to its end.
 *
 * A version that answered beside another, as a canary does or one whose labels were late, has no turn of its own.
 */
export function turnsOf(window: PerformanceMeasured): Omit<VersionMeasured, 'labels' | 'metrics'>[] {
  const turns: VersionMeasured[] = [];
  for (const answers of [...answersOf(window)].sort((a, b) => b.labels - a.labels)) {
    const middle = (answers.fromLabel + answers.toLabel) / 2;
    if (!turns.some(({ fromLabel, toLabel }) => fromLabel < middle && middle < toLabel)) turns.push(answers);
  }
  return turns
    .sort((a, b) => a.fromLabel - b.fromLabel)
    .map(({ version, ...own }, i, all) => {
      const begins = i === 0 ? window : own;
      const next = all[i + 1];
      return {
        version,
        from: begins.from,
        fromLabel: begins.fromLabel,
        to: next?.from ?? window.to,
        toLabel: next?.fromLabel ?? window.toLabel,
      };
    });
}

/** `version 5`, or where several answered `version 1: 80.0 % of 150 labels, version 5: 86.0 % of 350 labels`. */
export function answeredBy(window: PerformanceMeasured, metric: string): string {
  const answers = answersOf(window);
  if (answers.length === 1) return versionName(window.version);
  const named = [...answers]
    .sort((a, b) => b.labels - a.labels)
    .slice(0, NAMED_MAX)
    .sort((a, b) => a.fromLabel - b.fromLabel)
    .map(
      ({ version, labels, metrics }) =>
        `${versionName(version)}: ${metricValue(metric, metrics[metric])} of ${counted(labels, 'label')}`,
    );
  const more = answers.length - named.length;
  return [...named, ...(more > 0 ? [`${count(more)} more`] : [])].join(', ');
}
