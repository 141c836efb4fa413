import { z } from 'zod';
import { Lifecycle } from './lifecycle-events.js';
import { parsePredictionId, routingHash } from './prediction-id.js';
import {
  DeadLetter,
  FeaturesObserved,
  InputsMeasured,
  LabelObserved,
  OnlineChanged,
  Outcome,
  PerformanceMeasured,
  Predicted,
} from './serving-events.js';
import { rawTopic, topic } from './topic.js';

/** The longest event that any topic takes, bytes. */
export const EVENT_BYTES_MAX = 1_000_000;

/** Every stream of Gyre, on one page. `docs/architecture.md` says who writes and who reads each. */
export const topics = {
  ingest: rawTopic('gyre.ingest', z.instanceof(Uint8Array), { days: 2 }),
  features: topic('gyre.features', FeaturesObserved, (e) => e.entity, { days: 7 }),
  history: topic('gyre.history', OnlineChanged, (e) => e.entity, { days: 7 }),
  predictions: topic('gyre.predictions', Predicted, (e) => routingOf(e.id), { days: 7 }),
  feedback: topic(
    'gyre.feedback',
    LabelObserved,
    (e) => (e.prediction === null ? routingHash(e.model ?? '', e.entity ?? '') : routingOf(e.prediction)),
    { days: 7 },
  ),
  outcomes: topic('gyre.outcomes', Outcome, (e) => e.model, { days: 30 }),
  inputs: topic('gyre.inputs', InputsMeasured, (e) => e.model, { days: 1 }),
  performance: topic('gyre.performance', PerformanceMeasured, (e) => e.model, { days: 90 }),
  lifecycle: topic('gyre.lifecycle', Lifecycle, (e) => e.model, 'forever'),
  deadletter: topic('gyre.deadletter', DeadLetter, (e) => e.group, { days: 28 }),
};

function routingOf(id: string): string {
  return parsePredictionId(id)?.routing ?? id;
}
