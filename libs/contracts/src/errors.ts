/**
 * Every failure a caller can meet, one line each. `http` and `grpc` are the statuses it is answered with,
 * `retry` says whether the same call can succeed later. `docs/errors.md` explains each.
 */
export const errors = {
  BAD_REQUEST: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  ROUTE_NOT_FOUND: { http: 404, grpc: 'UNIMPLEMENTED', retry: false },
  BODY_TOO_LARGE: { http: 413, grpc: 'RESOURCE_EXHAUSTED', retry: false },
  SPEC_INVALID: { http: 422, grpc: 'INVALID_ARGUMENT', retry: false },
  CONFIG_INVALID: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  EVENT_TOO_LARGE: { http: 413, grpc: 'INVALID_ARGUMENT', retry: false },
  MODEL_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  VERSION_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  VIEW_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  SPEC_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  DEAD_LETTER_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  PREDICTION_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: true },
  NOT_EXPLAINABLE: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  BACKGROUND_MISSING: { http: 409, grpc: 'FAILED_PRECONDITION', retry: true },
  EXPLANATION_TOO_LARGE: { http: 413, grpc: 'INVALID_ARGUMENT', retry: false },
  RUN_TOO_LARGE: { http: 422, grpc: 'INVALID_ARGUMENT', retry: false },
  FEATURES_MISMATCHED: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  FEATURES_UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  COMMAND_REFUSED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  NOT_READY: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  RATE_LIMITED: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  DEADLINE_EXCEEDED: { http: 504, grpc: 'DEADLINE_EXCEEDED', retry: true },
  CANCELLED: { http: 499, grpc: 'CANCELLED', retry: true },
  PLATFORM_UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  OVERLOADED: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  UNAUTHENTICATED: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  PERMISSION_DENIED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  ISSUER_UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  ORIGIN_REFUSED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  DATA_DIR_IN_USE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  DATA_DIR_VERSION: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  TOPIC_MISMATCHED: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  ARTIFACT_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  ARTIFACT_CORRUPT: { http: 500, grpc: 'DATA_LOSS', retry: false },
  BACKUP_INVALID: { http: 422, grpc: 'INVALID_ARGUMENT', retry: false },
  MODEL_INVALID: { http: 422, grpc: 'INVALID_ARGUMENT', retry: false },
  INTERNAL: { http: 500, grpc: 'INTERNAL', retry: false },
} as const satisfies Record<string, { http: number; grpc: string; retry: boolean }>;

export type ErrorCode = keyof typeof errors;

/** A message that repeats what a client sent is cut off here, characters: names may be megabytes long. */
const MESSAGE_LENGTH_MAX = 10_000;

/** A failure that its caller can act on. The message says what was wrong, where, and what would be right. */
export class GyreError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message.length <= MESSAGE_LENGTH_MAX ? message : `${message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed()}…`);
    this.name = 'GyreError';
  }
}
