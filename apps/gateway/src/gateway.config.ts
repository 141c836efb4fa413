import { z } from 'zod';

const MIB = 1_048_576;

export const GatewayConfig = z
  .strictObject({
    /** Where the prediction log lies. Gateways may share it; it must be the same at the next start. */
    logDir: z.string().min(1).default('gyre-data/gateway'),
    /** Predictions that wait to be shipped take at most so many bytes on disk. */
    logBytesMax: z
      .int()
      .min(2 * MIB)
      .default(1_024 * MIB),
    logSegmentBytes: z
      .int()
      .min(MIB)
      .default(4 * MIB),
    /** When the log is full: refuse requests, or answer them without a record. */
    logOnFull: z.enum(['shed', 'serveUnlogged']).default('shed'),
    /** Wait for the disk before answering, so that loss of power takes no record of what was answered. */
    logFsync: z.boolean().default(false),
    /** How long records wait for others to be shipped with, unless somebody waits for them; ms. */
    logGatherMs: z.int().min(0).max(60_000).default(10),
    /** Rows that a model scores at once. */
    maxBatchSize: z.int().min(1).max(65_536).default(256),
    /** A model whose run of one row takes longer is run by a process, µs; 0: every model is. */
    loopRunMicrosMax: z.number().min(0).default(100),
    /** Processes that run models; each model has its own, where there are more they share them. */
    modelProcessesMax: z.int().min(1).max(64).default(4),
    /** How long a run in a process may take, ms; it is ended then. */
    modelRunMsMax: z.int().min(1).default(10_000),
    /** Memory that such a process may take, bytes; over it, it is ended. */
    modelBytesMax: z
      .int()
      .min(256 * MIB)
      .default(4_096 * MIB),
    /** How long requests wait for others to be scored with, µs, where fewer rows than maxBatchSize are there; 0: for nobody. */
    maxQueueDelayMicros: z.int().min(0).max(1_000_000).default(0),
    /** Rows of one request. */
    requestRowsMax: z.int().min(1).default(10_000),
    /** Rows that wait or are being scored; requests beyond are refused. */
    rowsInFlightMax: z.int().min(1).default(50_000),
    /** Answered rows that wait to be scored by shadows; of more, the shadows are left out. */
    shadowRowsMax: z.int().min(0).default(10_000),
    /** Requests to one model that may be under way at once, however quick the answers are. */
    concurrencyMax: z.int().min(1).default(4_096),
    /** And so many always, however slow they are. */
    concurrencyMin: z.int().min(1).default(16),
    /** Where requests wait longer than this for 100 ms on end, ms, fewer are let in; null: the limit stays at concurrencyMax. */
    queueDelayTargetMs: z.number().positive().nullable().default(20),
    /** Requests a second that each client may send on average, by the name of its token or its address; null: as many as it likes. */
    ratePerSecond: z.number().positive().nullable().default(null),
    /** Requests that a client may send at once after a quiet time. */
    rateBurst: z.int().min(1).default(100),
    /** Requests a second of single clients, by name or address, instead of ratePerSecond. */
    rates: z.record(z.string(), z.number().positive()).default({}),
    /** How far ahead of the clock a request may be stamped, ms. */
    maxSkewMs: z.int().min(0).default(300_000),
    /** How long a look-up of features may take, in this process or another. */
    featuresDeadlineMs: z.int().min(1).default(1_000),
    /** Rows that one request may have explained. */
    explainRowsMax: z.int().min(1).default(100),
    /** Rows that a model may be asked to score for one explanation. */
    explainEvaluationsMax: z.int().min(1).default(500_000),
    /** Background rows of one explanation. */
    explainBackgroundRowsMax: z.int().min(1).default(1_000),
    /** Explanations that may be under way or wait; more are refused. */
    explainWaitingMax: z.int().min(1).default(16),
    /** How long an explanation may take. */
    explainDeadlineMs: z.int().min(1).default(30_000),
  })
  .refine((c) => c.logBytesMax >= 2 * c.logSegmentBytes, {
    path: ['logBytesMax'],
    error: 'must be at least twice logSegmentBytes, for the newest segment is never deleted',
  })
  .refine((c) => c.concurrencyMax >= c.concurrencyMin, {
    path: ['concurrencyMin'],
    error: 'must not be above concurrencyMax',
  })
  .refine((c) => c.rowsInFlightMax >= c.requestRowsMax, {
    path: ['rowsInFlightMax'],
    error: 'must not be below requestRowsMax, or the largest request is always refused',
  });
export type GatewayConfig = z.infer<typeof GatewayConfig>;
