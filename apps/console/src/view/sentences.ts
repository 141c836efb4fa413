import type { Gate, Lifecycle, LifecycleOf, PairedEvidence } from '@gyre/contracts';
import { count, counted, decimal, errorChange, metricName, metricValue, NONE, percent } from './figures.js';

export type Icon =
  | 'drift'
  | 'drop'
  | 'data'
  | 'train'
  | 'declined'
  | 'registered'
  | 'refused'
  | 'shadow'
  | 'promoted'
  | 'rolledBack'
  | 'compare'
  | 'serving'
  | 'spec'
  | 'person';
export type Tone = 'quiet' | 'info' | 'good' | 'warn' | 'bad';

/** What a decision says at a glance; its own `reason` says the rest. */
export interface Sentence {
  icon: Icon;
  tone: Tone;
  text: string;
  /** Decisions that matter to whoever runs the model; the others are steps on the way. */
  key: boolean;
}

const TRIGGERS: Record<string, string> = {
  bootstrap: 'for the first version',
  drift: 'after drift',
  performance: 'after lost performance',
  newLabels: 'on new labels',
  manual: 'by hand',
};
const DECLINES: Record<string, string> = {
  cooldown: 'the last run is too recent',
  'too-few-labels': 'too few labels',
  'run-under-way': 'a run is under way',
  'switched-off': 'this trigger is switched off',
};
const VERDICTS: Record<string, [Tone, string]> = {
  better: ['good', 'proved better than'],
  notWorse: ['good', 'proved not worse than'],
  worse: ['warn', 'proved worse than'],
  inconclusive: ['quiet', 'could not be told from'],
};
const OUTCOMES: Record<string, [Tone, string]> = {
  promoted: ['quiet', 'Rollout ended with a promotion'],
  rolledBack: ['quiet', 'Rollout ended with a rollback'],
  decided: ['quiet', 'Rollout ended: every comparison is decided'],
  continued: ['quiet', 'Rollout goes on with other challengers'],
};

export function versionName(version: number | null): string {
  return version === null ? 'the fallback' : `version ${version}`;
}

export function sentenceOf(event: Lifecycle): Sentence {
  const say = (icon: Icon, tone: Tone, text: string, key = true): Sentence => ({ icon, tone, text, key });
  switch (event.type) {
    case 'ViewApplied':
      return say('spec', 'quiet', `Feature view ${event.spec.name} applied`);
    case 'ModelApplied':
      return say('spec', 'quiet', `Spec of ${event.spec.name} applied`);
    case 'DriftDetected':
      return say(event.kind === 'quality' ? 'data' : 'drift', event.kind === 'concept' ? 'bad' : 'warn', drift(event));
    case 'PerformanceDropped':
      return say('drop', 'bad', dropped(event));
    case 'IncidentOpened':
      return say(incidentIcon(event), incidentTone(event), `Incident: ${incidentWords(event)}`);
    case 'IncidentUpdated':
      return say(incidentIcon(event), incidentTone(event), `Incident goes on: ${incidentWords(event)}`);
    case 'IncidentClosed':
      return say(
        incidentIcon(event),
        event.outcome === 'recovered' ? 'good' : 'quiet',
        event.outcome === 'recovered' ? 'Incident over: it has recovered' : 'Incident over: another version serves',
      );
    case 'LabelsReached':
      return say('data', 'quiet', `${counted(event.labels, 'label')} reached`, false);
    case 'TrainingRequested':
      return say('train', 'info', `Training requested ${TRIGGERS[event.trigger] ?? event.trigger}`);
    case 'TrainingDeclined':
      return say('declined', 'quiet', `Training declined: ${DECLINES[event.code] ?? event.code}`);
    case 'TrainingSetBuilt':
      return say('data', 'quiet', `Training set of ${counted(event.rows, 'row')} built`, false);
    case 'TrainingFinished':
      if (event.failure !== null) return say('refused', 'warn', 'Training made no candidate');
      return say('train', 'quiet', `Training made ${counted(event.candidates.length, 'candidate')}`, false);
    case 'VersionRegistered':
      return say('registered', 'info', `Version ${event.version} registered: ${event.candidate.name}`);
    case 'VersionRefused':
      return say('refused', 'warn', `Candidate refused: ${failedGates(event.gates) || event.candidate.name}`);
    case 'RolloutStarted':
      return say('shadow', 'info', rolloutStarted(event));
    case 'RolloutEnded': {
      const [tone, text] = OUTCOMES[event.outcome] ?? ['quiet', `Rollout ended: ${event.outcome}`];
      return say('shadow', tone, text, false);
    }
    case 'ServingChanged': {
      const shadows = event.shadows.map((shadow) => String(shadow.version));
      const beside = shadows.length === 0 ? '' : `, with ${list(shadows)} in shadow`;
      return say('serving', 'quiet', `Serving ${versionName(event.champion?.version ?? null)}${beside}`, false);
    }
    case 'Promoted':
      return say(
        'promoted',
        'good',
        event.from === null
          ? `Version ${event.version} promoted, the first`
          : `Version ${event.version} promoted over version ${event.from}`,
      );
    case 'PromotionHeld':
      return say('person', 'warn', `Version ${event.version} has proved itself and waits for a person to promote it`);
    case 'CanaryStarted':
      return say(
        'shadow',
        'info',
        `Version ${event.version} answers ${percent(event.weight)} of the requests as canary, beside version ${event.incumbent}`,
      );
    case 'CanaryEnded':
      return event.outcome === 'passed'
        ? say('shadow', 'good', `Canary ${event.version} is through`)
        : say('rolledBack', 'bad', `Canary ${event.version} was stopped; version ${event.incumbent} answers all again`);
    case 'RolledBack':
      return say('rolledBack', 'bad', `Rolled back from version ${event.from} to version ${event.version}`);
    case 'ComparisonDecided': {
      const [tone, verdict] = VERDICTS[event.verdict] ?? ['quiet', event.verdict];
      return say('compare', tone, `Version ${event.challenger} ${verdict} version ${event.incumbent}`);
    }
    case 'ModelImported':
      return say('person', 'info', `${event.file} imported`);
    case 'RetrainCommanded':
      return say('person', 'info', 'Training commanded by hand');
    case 'PromoteCommanded':
      return say('person', 'info', `Promotion of version ${event.version} commanded by hand`);
    case 'RollbackCommanded':
      return say(
        'person',
        'info',
        event.version === undefined
          ? 'Rollback commanded by hand'
          : `Rollback of version ${event.version} commanded by hand`,
      );
    case 'CommandRefused':
      return say('declined', 'warn', refused(event));
  }
}

function rolloutStarted({ challengers, incumbent }: LifecycleOf<'RolloutStarted'>): string {
  const challenging = challengers.filter(({ role }) => role !== 'previous').map(({ version }) => String(version));
  const [previous] = challengers.filter(({ role }) => role === 'previous').map(({ version }) => String(version));
  if (challenging.length === 0) return `Version ${incumbent} bakes, with version ${previous ?? NONE} in shadow`;
  const beside = previous === undefined ? '' : `, beside the previous version ${previous}`;
  return `${challenging.length > 1 ? 'Versions' : 'Version'} ${list(challenging)} on trial against version ${incumbent}${beside}`;
}

function refused({ command, version }: LifecycleOf<'CommandRefused'>): string {
  const what = command === 'promote' ? 'Promotion' : 'Rollback';
  return `${what}${version === null ? '' : ` of version ${version}`} refused`;
}

function dropped({ metric, version, value, reference }: LifecycleOf<'PerformanceDropped'>): string {
  const went = value < reference ? 'fell' : 'rose';
  return `${metricName(metric)} of ${versionName(version)} ${went} from ${metricValue(metric, reference)} to ${metricValue(metric, value)}`;
}

type Incident = LifecycleOf<'IncidentOpened' | 'IncidentUpdated' | 'IncidentClosed'>;
export const INCIDENTS: Record<Incident['kind'], string> = {
  quality: 'faulty data',
  concept: 'concept drift',
  covariate: 'inputs moved',
  prediction: 'answers moved',
  fairness: 'groups treated differently',
};

function incidentIcon({ kind }: Incident): Icon {
  return kind === 'quality' ? 'data' : 'drift';
}

export function incidentTone({ severity }: Pick<Incident, 'severity'>): Tone {
  return severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'info';
}

/** What is wrong, where, and what it costs. */
function incidentWords({ kind, version, causes, loss, pages }: Incident): string {
  const named = [...new Set(causes.flatMap(({ name }) => (name === '' ? [] : [name])))].slice(0, 3);
  const where = named.length === 0 ? '' : ` in ${list(named)}`;
  const cost =
    loss === null || !pages
      ? ''
      : `, error of ${versionName(version)} ${errorChange(loss.before, loss.after, loss.metric)}`;
  return `${INCIDENTS[kind]}${where}${cost}`;
}

function drift(event: LifecycleOf<'DriftDetected'>): string {
  const change =
    event.before === null || event.after === null
      ? ''
      : ` from ${errorChange(event.before, event.after, event.metric)}`;
  if (event.kind === 'concept') return `Drift: the error of ${versionName(event.version)} rose${change}`;
  const feature = event.feature ?? 'all together';
  if (event.kind === 'prediction') return `The answers of ${versionName(event.version)} moved`;
  if (event.kind === 'fairness') return `Groups of ${feature} are treated differently`;
  return event.kind === 'covariate' ? `Inputs moved: ${feature}` : `Data quality: ${feature}`;
}

function failedGates(gates: readonly Gate[]): string {
  return list(gates.filter((gate) => !gate.passed).map((gate) => gate.name));
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** What a version in shadow must show, in words. */
export function ruleOf({
  role,
  rule,
  alpha,
  notWorseBy,
  pairsMax,
}: LifecycleOf<'RolloutStarted'>['challengers'][number]): string {
  const wanted = rule === 'better' ? 'must be better' : `must not be worse by ${decimal(notWorseBy)}`;
  const rules = { challenger: wanted, canary: 'stopped as soon as it is worse', previous: 'taken back if better' };
  return `${rules[role]}, alpha ${decimal(alpha)}, ${count(pairsMax)} pairs at most`;
}

/** The numbers behind a decision, as name and value, for whoever opens it. */
export function factsOf(event: Lifecycle): [string, string][] {
  switch (event.type) {
    case 'DriftDetected':
      return [
        ['Detector', event.detector],
        ['Kind', event.kind],
        ['Before', event.before === null ? NONE : decimal(event.before)],
        ['After', event.after === null ? NONE : decimal(event.after)],
        ['Labels since it began', count(event.observations)],
        ['At label', count(event.at.labels)],
        ['Prediction', event.at.prediction],
      ];
    case 'IncidentOpened':
    case 'IncidentUpdated':
    case 'IncidentClosed':
      return [
        ['Incident', event.incident],
        ['Severity', event.severity],
        ['Pages', event.pages ? 'yes' : 'no'],
        ...event.causes.map((cause, i): [string, string] => [`Cause ${i + 1}`, cause.words]),
        ['At label', count(event.at.labels)],
        ['Prediction', event.at.prediction],
      ];
    case 'PerformanceDropped':
      return [
        [metricName(event.metric), metricValue(event.metric, event.value)],
        ['Reference', metricValue(event.metric, event.reference)],
        ['At label', count(event.at.labels)],
        ['Prediction', event.at.prediction],
      ];
    case 'TrainingRequested':
      return [
        ['Run', event.run],
        ['Labels known', count(event.labels)],
        ['Rows at most', count(event.rowsMax)],
        ['Windows', event.windows.map(count).join(' · ')],
        ['Seed', String(event.seed)],
      ];
    case 'TrainingDeclined':
      return [
        ['Trigger', event.trigger],
        ['Rule', event.code],
      ];
    case 'TrainingSetBuilt':
      return [
        ['Run', event.run],
        ['Rows', count(event.rows)],
        ['Rows unlike serving', count(event.parityMismatches)],
        ['Digest', event.digest.slice(0, 16)],
      ];
    case 'TrainingFinished':
      return [
        ['Run', event.run],
        ...event.candidates.map((candidate): [string, string] => [
          candidate.name,
          `loss ${metricValue('loss', candidate.metrics['loss'])}`,
        ]),
      ];
    case 'VersionRegistered':
    case 'VersionRefused':
      return [
        ['Run', event.run],
        ['Trained on', counted(event.candidate.trainingRows, 'row')],
        ['ONNX', event.candidate.onnx.slice(0, 16)],
        ['Manifest', event.candidate.manifest.slice(0, 16)],
        [
          'ONNX and trainer differ by',
          event.candidate.onnxDifferenceMax === null ? NONE : decimal(event.candidate.onnxDifferenceMax),
        ],
      ];
    case 'RolloutStarted':
      return [
        ['Rollout', event.rollout],
        ...(event.continues === null ? [] : [['Goes on from', event.continues] as [string, string]]),
        ...event.challengers.map((challenger): [string, string] => [
          `Version ${challenger.version}`,
          ruleOf(challenger),
        ]),
      ];
    case 'RolloutEnded':
      return [['Rollout', event.rollout]];
    case 'PromotionHeld':
      return [['Rollout', event.rollout]];
    case 'ComparisonDecided':
      return [
        ['Rollout', event.rollout],
        ['At label', count(event.at.labels)],
      ];
    default:
      return [];
  }
}

export function evidenceOf(event: Lifecycle): PairedEvidence | null {
  return 'evidence' in event ? event.evidence : null;
}

export function gatesOf(event: Lifecycle): Gate[] {
  return event.type === 'VersionRegistered' || event.type === 'VersionRefused' ? event.gates : [];
}
