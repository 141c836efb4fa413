import mongoose from 'mongoose';
import { Artifacts } from '../../artifacts.js';
import { corrupt, notFound, sha256Of, verified } from '../../artifact-content.js';
import { within } from '../within.js';
import { briefly, patiently, promptly, PROMPT_MS, type Connection, type Patience } from './connection.js';

const { GridFSBucket } = mongoose.mongo;
type Bucket = InstanceType<typeof GridFSBucket>;
type FileDocument = Awaited<ReturnType<ReturnType<Bucket['find']>['toArray']>>[number];
const TRIES = 3;
/** Codes of failures that another try at once does not change. */
const FINAL: ReadonlySet<unknown> = new Set(['ARTIFACT_NOT_FOUND', 'PLATFORM_UNAVAILABLE']);

/**
 * Artifacts in GridFS, by their sha-256 as the name of the file. Of several files of a name the newest counts. What is put goes on trying while the
 * database is away: a run that trained for an hour is not given up for that. Whoever gets one is told soon.
 */
export class GridArtifacts extends Artifacts {
  readonly #bucket: Bucket;

  constructor(
    connection: Connection,
    private readonly patience: Patience,
  ) {
    super();
    if (connection.db === undefined) throw new RangeError('the connection is not open');
    this.#bucket = new GridFSBucket(connection.db as never, { bucketName: 'artifacts' });
  }

  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Of(bytes);
    if (await this.#holds(sha256)) return sha256;
    const id = await patiently(() => this.#upload(sha256, bytes), this.patience);
    // Only older ones: of two that put at the same time, one stays.
    for (const { _id } of await this.#files(sha256)) {
      if (String(_id) < id) await this.#bucket.delete(_id).catch(() => undefined);
    }
    return sha256;
  }

  async get(sha256: string): Promise<Uint8Array> {
    for (let tries = 1; ; tries++) {
      try {
        return verified(sha256, await this.#read(sha256, await this.#files(sha256, promptly), briefly));
      } catch (error) {
        // It may just be replaced by a whole one.
        const failure = isSpoilt(error) ? corrupt(sha256, (error as Error).message) : error;
        if (FINAL.has((failure as { code?: unknown }).code) || tries >= TRIES) throw failure;
      }
    }
  }

  /** @returns the file's id */
  async #upload(sha256: string, bytes: Uint8Array): Promise<string> {
    const upload = this.#bucket.openUploadStream(sha256);
    try {
      await new Promise<void>((resolve, reject) => {
        upload.once('error', reject).once('finish', () => resolve());
        upload.end(bytes);
      });
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
    return String(upload.id);
  }

  async #holds(sha256: string): Promise<boolean> {
    try {
      return sha256Of(await this.#read(sha256, await this.#files(sha256), patiently)) === sha256;
    } catch {
      return false;
    }
  }

  async #read(sha256: string, files: readonly FileDocument[], tried: typeof patiently): Promise<Uint8Array> {
    const newest = files.at(-1);
    if (newest === undefined) throw notFound(sha256);
    return tried(() => this.#download(newest), this.patience);
  }

  /** All of it may take long; each part comes soon, or the database is away. */
  async #download({ _id }: FileDocument): Promise<Uint8Array> {
    const stream = this.#bucket.openDownloadStream(_id);
    const parts: Buffer[] = [];
    try {
      for (const reading = stream[Symbol.asyncIterator](); ;) {
        const { done, value } = await within(PROMPT_MS, reading.next());
        if (done === true) return new Uint8Array(Buffer.concat(parts));
        parts.push(value as Buffer);
      }
    } finally {
      stream.destroy();
    }
  }

  /** Oldest first. */
  async #files(sha256: string, tried = patiently): Promise<FileDocument[]> {
    const files = await tried(() => this.#bucket.find({ filename: sha256 }).toArray(), this.patience);
    return files.sort((a, b) => (String(a._id) < String(b._id) ? -1 : 1));
  }
}

/** Chunks that are missing, or of a wrong size. */
function isSpoilt(error: unknown): boolean {
  return Error.isError(error) && error.name === 'MongoGridFSChunkError';
}
