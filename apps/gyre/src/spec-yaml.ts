import { classesOf, formatDuration, type FalseAlarms, type FeatureViewSpec, type ModelInForce } from '@gyre/contracts';
import { stringify } from 'yaml';

/** A spec in force as YAML that `gyre apply` takes: every default filled in, durations and rates as people write them. */
export function viewYaml({ ttl, maxSkew, ...view }: FeatureViewSpec): string {
  return yaml({
    ...view,
    ...(ttl === undefined ? {} : { ttl: formatDuration(ttl) }),
    maxSkew: formatDuration(maxSkew),
  });
}

/** The same for a model; the inputs that its references stand for come as a comment. */
export function modelYaml({ inputs, ...model }: ModelInForce): string {
  const { label, drift } = model;
  const spec = {
    ...model,
    label: { ...label, delay: formatDuration(label.delay), horizon: formatDuration(label.horizon) },
    drift: {
      ...drift,
      falseAlarms: rateOf(drift.falseAlarms),
      seasonality: typeof drift.seasonality === 'number' ? formatDuration(drift.seasonality) : drift.seasonality,
    },
    fallback: model.fallback ?? { value: classesOf(label)[0] ?? 0 },
  };
  const features = inputs.map(({ view, field }) => `#   ${view}.${field}\n`).join('');
  return `${yaml(spec)}# The model's input, in this order:\n${features}`;
}

/** 0.00001 as `1 per 100000 rows`, or a rate in time as `1 per 30d`. */
export function rateOf(rate: FalseAlarms): string {
  return typeof rate === 'number' ? rateInRows(rate) : rateInTime(rate.perMs);
}

/** To the alarm per whole milliseconds; where there is none, per 1,000 days. */
function rateInTime(perMs: number): string {
  const ms = Math.round(1 / perMs);
  if (1 / ms === perMs) return `1 per ${formatDuration(ms)}`;
  const days = 1_000;
  return `${Number((perMs * days * 86_400_000).toPrecision(12))} per ${days}d`;
}

function rateInRows(perRow: number): string {
  const rows = Math.round(1 / perRow);
  if (1 / rows === perRow) return `1 per ${rows} rows`;
  const per = 1_000_000_000;
  return `${Number((perRow * per).toPrecision(12))} per ${per} rows`;
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });
}
