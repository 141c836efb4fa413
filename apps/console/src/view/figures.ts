/** How numbers and times are written in the console. Times are UTC milliseconds and shown in UTC. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const NAMES: Record<string, string> = {
  accuracy: 'Accuracy',
  kappa: 'Kappa',
  macroF1: 'Macro F1',
  logLoss: 'Log loss',
  loss: 'Clipped loss',
  rocAuc: 'ROC AUC',
  prAuc: 'PR AUC',
  mae: 'MAE',
  rmse: 'RMSE',
  r2: 'R²',
};
const SHARES = new Set(['accuracy']);

export const NONE = '–';

export function metricName(metric: string): string {
  return NAMES[metric] ?? metric.replace(/([A-Z])/g, ' $1').replace(/^./, (letter) => letter.toUpperCase());
}

/** A share as `86.2 %`, anything else with as many digits as matter. */
export function metricValue(metric: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return SHARES.has(metric) ? percent(value) : decimal(value);
}

/** With a no-break space, so that no line begins with the sign. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}\u00a0%`;
}

/** The error before and after: a share of wrong answers, or what `metric` says, in the label's unit. */
export function errorChange(before: number, after: number, metric: 'mae' | undefined): string {
  const written = (error: number) => (metric === undefined ? percent(error) : metricValue(metric, error));
  return `${written(before)} to ${written(after)}`;
}

export function decimal(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000 || (Number.isInteger(value) && size >= 2)) return whole.format(value).replace('-', '−');
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(2);
  if (size > 0 && size < 0.001) return value.toExponential(1).replace('-', '−');
  return value.toFixed(3).replace('-', '−');
}

/** With its sign, as for a difference. */
export function signed(value: number): string {
  const text = Math.abs(value).toFixed(4);
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
}

export function count(value: number): string {
  return whole.format(value);
}

/** `1 label`, `2,000 labels` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `14 Nov 1998, 09:30` */
export function moment(at: number): string {
  return `${day(at)}, ${clock(at)}`;
}

/** `14 Nov 1998` */
export function day(at: number): string {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** `3 d 4 h`, `12 min`: the two largest units, for how long something took. */
export function lasting(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  if (days >= 60 || hours % 24 === 0) return `${count(days)} d`;
  return `${days} d ${hours % 24} h`;
}

/** From one moment to another, as short as it stays clear: `14 Nov 1998, 09:30 – 12:00`. */
export function span(from: number, to: number): string {
  if (day(from) !== day(to)) return `${day(from)} – ${day(to)}`;
  return `${moment(from)} – ${clock(to)}`;
}
