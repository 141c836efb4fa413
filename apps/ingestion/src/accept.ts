import {
  encodeLabel,
  GyreError,
  LABEL_SKEW_MAX_MS,
  parsePredictionId,
  topics,
  type FeaturesEvent,
  type FeatureViewSpec,
  type FeaturesObserved,
  type LabelEvent,
  type LabelObserved,
  type ModelInForce,
} from '@gyre/contracts';
import { checkValues } from '@gyre/features';
import { publish, type Context, type Effects, type Task } from '@gyre/platform';
import { parseEvent, type Parsed } from './parse-event.js';
import { anyPrivate, preview } from './preview.js';

export interface AcceptSettings {
  /** The specs in force. */
  view(name: string): FeatureViewSpec | undefined;
  model(name: string): ModelInForce | undefined;
  views(): readonly FeatureViewSpec[];
  /** Whether they hold all that was applied before an event was appended, at this time, UTC milliseconds; if not, they soon will. */
  isKnownUpTo(appendedAt: number): boolean;
  /** Accepted event ids remembered in each partition. */
  distinctWithin: number;
}

/** Back-off doubles from 100 ms: specs that have been applied are read within a second and a half. */
const ATTEMPTS = 5;
/** What a spec that was applied a moment ago may know. */
const UNKNOWN: ReadonlySet<string> = new Set(['UNKNOWN_VIEW', 'UNKNOWN_MODEL']);

/**
 * ingest -> features and feedback, or dead letters: the one way in, whichever end an event came by.
 *
 * An event is checked whole: UTF-8, JSON, shape, the view's types, nulls, ranges and enums, and its time, which may be ahead of its
 * arrival by `maxSkew` at most. For a view or a model that is not known, the log of specs is read up to the event's arrival first. The first accepted event with an id counts; private fields stop here.
 */
export const accept = (settings: AcceptSettings): Task<never, Uint8Array> => {
  // An event's id is asked for just before it is handled.
  let latest: { bytes: Uint8Array; parsed: Parsed } | undefined;
  const parse = (bytes: Uint8Array): Parsed => {
    if (latest?.bytes !== bytes) latest = { bytes, parsed: parseEvent(bytes) };
    return latest.parsed;
  };
  return {
    name: 'ingestion.accept',
    inputs: [topics.ingest],
    stateKey: null,
    attempts: ATTEMPTS,
    distinct: { id: (bytes) => parse(bytes).event?.id, within: settings.distinctWithin },
    handle(_, bytes, context) {
      const { event, json, refusal } = parse(bytes);
      const verdict =
        event === undefined
          ? refusal
          : event.type === 'features'
            ? features(event, context, settings)
            : label(event, context, settings);
      if ('code' in verdict) {
        if (UNKNOWN.has(verdict.code) && !settings.isKnownUpTo(context.appendedAt))
          throw new GyreError('NOT_READY', 'the specs that were applied before this event are still being read');
        return { refuse: { ...verdict, preview: preview(bytes, json, settings.views()) } };
      }
      return verdict;
    },
  };
};

type Verdict = Effects<never> | { code: string; reason: string };

function features(event: FeaturesEvent, context: Context, settings: AcceptSettings): Verdict {
  const view = settings.view(event.view);
  if (view === undefined) {
    const there = settings.views().map(({ name }) => name);
    return {
      code: 'UNKNOWN_VIEW',
      reason: `view: there is no feature view "${event.view}"; there are: ${there.join(', ') || 'none yet'}`,
    };
  }
  const occurredAt = Date.parse(event.time);
  if (occurredAt > context.appendedAt + view.maxSkew)
    return ahead(event.time, occurredAt - context.appendedAt, view.maxSkew);
  const checked = checkValues(view, event.values, () => anyPrivate(settings.views()));
  if (checked.problems !== undefined) {
    const problems = checked.problems.map(
      ({ field, problem, expected }) =>
        `${field === '' ? 'values' : `values.${field}`} ${problem}; expected ${expected}`,
    );
    return { code: 'BAD_VALUES', reason: problems.join('; ') };
  }
  const observed: FeaturesObserved = {
    event: event.id,
    view: event.view,
    entity: event.entity,
    occurredAt,
    values: checked.values,
  };
  return { publish: [publish(topics.features, observed)] };
}

function label(event: LabelEvent, context: Context, settings: AcceptSettings): Verdict {
  const occurredAt = Date.parse(event.time);
  if (occurredAt > context.appendedAt + LABEL_SKEW_MAX_MS)
    return ahead(event.time, occurredAt - context.appendedAt, LABEL_SKEW_MAX_MS);
  const at = event.at === undefined ? null : Date.parse(event.at);
  if (at !== null && at < 0) return { code: 'BAD_EVENT', reason: `at: ${event.at} is before 1970` };
  if (at !== null && at > context.appendedAt + LABEL_SKEW_MAX_MS)
    return ahead(`${event.at}`, at - context.appendedAt, LABEL_SKEW_MAX_MS, 'at');
  if (event.prediction !== undefined) {
    const predictedAt = parsePredictionId(event.prediction)?.predictedAt ?? -1;
    if (predictedAt < 0 || predictedAt > context.appendedAt + LABEL_SKEW_MAX_MS) {
      const wrong = predictedAt < 0 ? 'is no prediction id' : 'names a time that has not come';
      return {
        code: 'BAD_PREDICTION_ID',
        reason: `prediction: "${event.prediction}" ${wrong}; send the prediction_id that the answer carried`,
      };
    }
  }
  if (event.model !== undefined) {
    const model = settings.model(event.model);
    if (model === undefined) return { code: 'UNKNOWN_MODEL', reason: `model: there is no model "${event.model}"` };
    if (encodeLabel(model.label, event.value) === undefined) {
      const expected = model.label.type === 'regression' ? 'a number' : `one of ${JSON.stringify(model.label.classes)}`;
      return {
        code: 'UNKNOWN_CLASS',
        reason: `value: ${JSON.stringify(event.value)} is no label of model "${event.model}"; expected ${expected}`,
      };
    }
  }
  const observed: LabelObserved = {
    event: event.id,
    model: event.model ?? null,
    prediction: event.prediction ?? null,
    entity: event.entity ?? null,
    at,
    value: event.value,
    occurredAt,
  };
  return { publish: [publish(topics.feedback, observed)] };
}

function ahead(time: string, by: number, allowed: number, where = 'time'): Verdict {
  const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;
  return {
    code: 'TIME_AHEAD',
    reason: `${where}: ${time} is ${seconds(by)} ahead of the event's arrival; at most ${seconds(allowed)} are allowed`,
  };
}
