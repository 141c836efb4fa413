import { SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Role } from './identity.js';

const NEEDS = 'gyre.needs';
const OPEN = 'open';

/** What a handler asks of its callers. */
export type Needed = readonly Role[] | typeof OPEN;

/**
 * The roles that let somebody call a handler, or all handlers of a controller: one of them is enough; without any, everyone who is known may.
 * Where a parameter of the route, or the field of a gRPC request, names a model, a role for that model is enough too.
 */
export const Needs = (...roles: Role[]): MethodDecorator & ClassDecorator => SetMetadata(NEEDS, roles);

/** A handler that answers callers who are not known. */
export const Open = (): MethodDecorator => SetMetadata(NEEDS, OPEN);

/** A handler that says nothing is for administrators. */
export function neededBy(handler: object, controller: object): Needed {
  const of = (target: object): Needed | undefined => Reflect.getMetadata(NEEDS, target) as Needed | undefined;
  return of(handler) ?? of(controller) ?? ['admin'];
}

/** The model that a call is about: `:model` in the route; over gRPC `model_name`, or `name` as ModelReady and ModelMetadata have it. */
export function modelOf(context: ExecutionContext): string | undefined {
  const [first] = context.getArgs<[{ params?: unknown; model_name?: unknown; name?: unknown } | undefined]>();
  const name =
    context.getType() === 'http'
      ? (first?.params as { model?: unknown } | undefined)?.model
      : (first?.model_name ?? first?.name);
  return typeof name === 'string' ? name : undefined;
}
