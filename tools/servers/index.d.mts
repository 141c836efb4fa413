/** A server that can be killed and started again on the same port and data. */
export interface Server {
  /** kill -9. */
  kill(): Promise<void>;
  /** Resolves when it answers again. */
  start(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface Servers {
  readonly by: 'containers' | 'processes';
  readonly kafka: Server & { readonly address: string };
  readonly mongodb: Server & { readonly url: string };
  /** Ends both and deletes their data. */
  stop(): Promise<void>;
}

/** Where the servers are: `host:port` of a broker, and MongoDB's connection string, without a database. */
export interface Addresses {
  readonly kafka: string;
  readonly mongodb: string;
}

/** Why there are none here. */
export interface NoServers {
  readonly missing: string;
}

/**
 * Servers of the caller's own, in containers where Docker is, else as processes; they end with the caller's process, and their data with them.
 * @param options.ports of the loopback; default: free ones
 * @throws Error if they cannot be had here, with what is missing
 */
export function startServers(options?: { ports?: { kafka?: number; mongodb?: number } }): Promise<Servers>;

/**
 * The servers that all tests of a run share: those of GYRE_TEST_KAFKA and GYRE_TEST_MONGODB where they are set; else the first to ask, in whichever
 * process, has them started, and the run's end stops them. A test's data needs names of its own.
 * @throws Error where there are none though GYRE_TEST_SERVERS is `required`
 */
export function testServers(): Promise<Addresses | NoServers>;

/**
 * `describe` for what needs servers: `describeOnServers('…', await testServers(), ({ kafka, mongodb }) => { it(…) })`. Where there are none its
 * tests count as skipped, and the reason is printed.
 */
export function describeOnServers(
  name: string,
  servers: Addresses | NoServers,
  body: (addresses: Addresses) => void,
): void;

/** A port that was free a moment ago, on the loopback. */
export function freePort(): Promise<number>;
