/** Files by the sha-256 of their content, as 64 hexadecimal digits. What is put again is there once. */
export abstract class Artifacts {
  /** @returns the sha-256; the bytes are safe when it resolves */
  abstract put(bytes: Uint8Array): Promise<string>;
  /**
   * Verifies the content against its name at every read.
   * @throws GyreError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT; PLATFORM_UNAVAILABLE if there is no answer for some seconds
   */
  abstract get(sha256: string): Promise<Uint8Array>;
}
