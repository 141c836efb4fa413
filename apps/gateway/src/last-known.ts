import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServingChanged, type LifecycleOf, type ModelInForce } from '@gyre/contracts';
import type { Logger } from '@gyre/hosting';
import { makeDirectory } from '@gyre/platform';

/** A model as this gateway last knew it. */
export interface LastKnownModel {
  spec: ModelInForce;
  /** The newest of it; null before the first version. */
  serving: LifecycleOf<'ServingChanged'> | null;
}

const TABLE = 'serving.json';
const ARTIFACT = /^[0-9a-f]{64}$/;
/** An artifact that no model names is kept for so long: another gateway that shares the directory may be a step behind. */
const UNUSED_KEPT_MS = 3_600_000;

/**
 * What a gateway must know to serve, kept on its disk: specs, what serves, and the versions' files. Everything is verified by its sha-256 when it is
 * read, and replaced as a whole when it is written; gateways that share the directory write the same.
 */
export class LastKnown {
  private writing: Promise<void> = Promise.resolve();
  private wanted: (() => LastKnownModel[]) | null = null;

  private constructor(
    private readonly directory: string,
    private readonly log: Logger,
  ) {}

  static open(directory: string, log: Logger): LastKnown {
    makeDirectory(directory);
    return new LastKnown(directory, log);
  }

  /** Whether there is anything that a gateway could start from. */
  static isIn(directory: string): boolean {
    return existsSync(join(directory, TABLE));
  }

  /** @returns nothing where nothing is there, or where it is damaged, which the log says */
  models(): LastKnownModel[] {
    const file = join(this.directory, TABLE);
    if (!existsSync(file)) return [];
    const text = readFileSync(file, 'utf8');
    const [digest, ...lines] = text.split('\n');
    const content = lines.join('\n');
    if (sha256(content) !== digest) {
      this.log.error('what this gateway last knew is damaged, and is not used', { file });
      return [];
    }
    const { models } = JSON.parse(content) as { models: { spec: ModelInForce; serving: unknown }[] };
    return models.map(({ spec, serving }) => ({
      spec,
      serving: serving === null ? null : ServingChanged.parse(serving),
    }));
  }

  /** Writes the table soon, and the last one wanted where several are. @param models asked when it is written */
  keep(models: () => LastKnownModel[]): void {
    const isWaiting = this.wanted !== null;
    this.wanted = models;
    if (isWaiting) return;
    this.writing = this.writing.then(() => this.write()).catch((error: Error) => this.complain(error));
  }

  /** Resolves when what was wanted is on the disk. */
  async kept(): Promise<void> {
    await this.writing;
  }

  /** @returns null where it is not there, or damaged */
  async artifact(name: string): Promise<Uint8Array | null> {
    try {
      const bytes = new Uint8Array(await readFile(join(this.directory, name)));
      if (sha256(bytes) === name) return bytes;
      this.log.error('a version that this gateway kept is damaged, and is not used', { onnx: name });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.complain(error as Error);
    }
    return null;
  }

  async keepArtifact(name: string, bytes: Uint8Array): Promise<void> {
    await this.replace(name, bytes).catch((error: Error) => this.complain(error));
  }

  private async write(): Promise<void> {
    const models = this.wanted?.() ?? [];
    this.wanted = null;
    const content = JSON.stringify({ models });
    await this.replace(TABLE, `${sha256(content)}\n${content}`);
    const used = new Set(models.flatMap(({ serving }) => artifactsOf(serving)));
    for (const name of await readdir(this.directory)) {
      if (!ARTIFACT.test(name) || used.has(name)) continue;
      const file = join(this.directory, name);
      if (Date.now() - (await stat(file)).mtimeMs > UNUSED_KEPT_MS) await rm(file, { force: true });
    }
  }

  /** By a rename, so that nobody ever reads half of it. */
  private async replace(name: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.directory, name);
    const draft = `${file}.${process.pid}.draft`;
    await writeFile(draft, content);
    await rename(draft, file);
  }

  private complain(error: Error): void {
    this.log.warn('what serves cannot be kept for a start without the platform', { error: error.message });
  }
}

function artifactsOf(serving: LastKnownModel['serving']): string[] {
  if (serving === null) return [];
  const { champion, previous, shadows, arms = [] } = serving;
  return [champion, previous, ...shadows, ...arms].flatMap((slot) => (slot === null ? [] : [slot.onnx]));
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
