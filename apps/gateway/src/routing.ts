import { GyreError, routingShare } from '@gyre/contracts';
import type { InferRequest, Tensor } from './oip.js';
import type { ServedVersion } from './served-version.js';
import { chosenVersion, type Arm, type Serving } from './serving.js';

/**
 * How a request came to its version: `champion`; `canary` or `split` by its share; `named`, as it asked for that version; `instead`, because the one
 * before it failed; `rules` or `default`, because no version answered.
 */
export type Route = 'champion' | Arm['role'] | 'named' | 'instead' | 'rules' | 'default';

export interface Routed {
  /** Null: the fallback answers. */
  version: ServedVersion | null;
  route: Route;
}

/**
 * The version that a request goes to: the one that it names by the protocol's version or by the parameter `gyre_version`; else by its share the
 * canary or an arm of a split; else the champion.
 *
 * Shares are sticky: the same entity (the first, where a request names several), else the same `routing_key`, else the same request id, always goes
 * the same way while the weights stand, and where a weight grows nobody leaves its arm. A request without any goes by chance.
 *
 * @throws GyreError VERSION_NOT_FOUND
 */
export function route(serving: Serving, request: InferRequest): Routed {
  const wanted = namedVersion(request);
  if (wanted !== '') return { version: chosenVersion(serving, wanted), route: 'named' };
  if (serving.arms.length > 0) {
    const share = routingShare(serving.spec.name, stickyKey(request) ?? String(Math.random()));
    let upTo = 0;
    for (const { version, weight, role } of serving.arms) {
      upTo += weight;
      if (share < upTo) return { version, route: role };
    }
  }
  return { version: serving.answering, route: 'champion' };
}

/** What is scored beside the answer, off the client's clock: the champion where another answers by its share, and the challengers. */
export function shadowsBeside(serving: Serving, { version, route: by }: Routed): readonly ServedVersion[] {
  if (version === null || by === 'named') return NONE;
  if (by === 'champion') return serving.shadows;
  const { answering, shadows } = serving;
  return [...(answering === null ? [] : [answering]), ...shadows].filter((one) => one !== version);
}

/** The versions that may answer in place of one that failed, in order. A request that names a version wants that one or none. */
export function insteadOf(serving: Serving, { version: failed, route: by }: Routed): ServedVersion[] {
  if (by === 'named' || failed === null) return [];
  const { answering, previous } = serving;
  return [answering, previous].filter((one): one is ServedVersion => {
    return one !== null && one !== failed && one.spec.inputs.length === failed.spec.inputs.length;
  });
}

/** The version that a request names, by the protocol or by the parameter; empty where it names none. @throws GyreError VERSION_NOT_FOUND */
export function namedVersion({ version, parameters }: InferRequest): string {
  const given = parameters[VERSION];
  if (given === undefined) return version;
  if (version === '' || version === String(given)) return String(given);
  throw new GyreError(
    'VERSION_NOT_FOUND',
    `the request names version "${version}" and by the parameter ${VERSION} "${String(given)}"; name one`,
  );
}

function stickyKey({ parameters, inputs, id }: InferRequest): string | undefined {
  const entity = parameters['entity'] ?? firstOf(inputs.find(({ name }) => name === 'entity')?.values);
  if (entity !== undefined) return `entity ${String(entity)}`;
  const key = parameters['routing_key'] ?? (id === '' ? undefined : id);
  return key === undefined ? undefined : `key ${String(key)}`;
}

function firstOf(values: Tensor['values'] | undefined): Tensor['values'][number] | undefined {
  return values?.[0];
}

const VERSION = 'gyre_version';
const NONE: readonly ServedVersion[] = [];
