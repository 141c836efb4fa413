import { notFound, sha256Of, verified } from '../artifact-content.js';
import { Artifacts } from '../artifacts.js';

/** Artifacts that live as long as the process. */
export class MemoryArtifacts extends Artifacts {
  readonly #bytes = new Map<string, Uint8Array>();

  put(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Of(bytes);
    this.#bytes.set(sha256, Uint8Array.from(bytes));
    return Promise.resolve(sha256);
  }

  async get(sha256: string): Promise<Uint8Array> {
    const bytes = this.#bytes.get(sha256);
    if (bytes === undefined) throw notFound(sha256);
    return verified(sha256, Uint8Array.from(bytes));
  }
}
