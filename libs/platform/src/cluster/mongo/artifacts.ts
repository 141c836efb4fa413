import mongoose from 'mongoose';
import { Artifacts } from '../../artifacts.js';
import { corrupt, notFound, sha256Of, verified } from '../../artifact-content.js';
import { patiently, type Connection, type Patience } from './connection.js';

const { GridFSBucket } = mongoose.mongo;
const TRIES = 3;

/**
 * Artifacts in GridFS, by their sha-256 as the name of the file. Of several files of a name the newest counts. Every call goes on trying while the
 * database is away: a run that trained for an hour is not given up for that.
 */
export class GridArtifacts extends Artifacts {
  readonly #bucket: InstanceType<typeof GridFSBucket>;

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
        return verified(sha256, await this.#read(sha256));
      } catch (error) {
        // It may just be replaced by a whole one.
        const failure = isSpoilt(error) ? corrupt(sha256, (error as Error).message) : error;
        if ((failure as { code?: string }).code === 'ARTIFACT_NOT_FOUND' || tries >= TRIES) throw failure;
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
      return sha256Of(await this.#read(sha256)) === sha256;
    } catch {
      return false;
    }
  }

  async #read(sha256: string): Promise<Uint8Array> {
    const newest = (await this.#files(sha256)).at(-1);
    if (newest === undefined) throw notFound(sha256);
    return patiently(async () => {
      const parts: Buffer[] = [];
      for await (const part of this.#bucket.openDownloadStream(newest._id)) parts.push(part as Buffer);
      return new Uint8Array(Buffer.concat(parts));
    }, this.patience);
  }

  /** Oldest first. */
  async #files(sha256: string) {
    const files = await patiently(() => this.#bucket.find({ filename: sha256 }).toArray(), this.patience);
    return files.sort((a, b) => (String(a._id) < String(b._id) ? -1 : 1));
  }
}

/** Chunks that are missing, or of a wrong size. */
function isSpoilt(error: unknown): boolean {
  return error instanceof Error && error.name === 'MongoGridFSChunkError';
}
