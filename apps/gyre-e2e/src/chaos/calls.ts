import { setTimeout as pause } from 'node:timers/promises';

const TIMEOUT_MS = 15_000;
const PATIENCE_MS = 240_000;
const AGAIN_MS = 100;

/** Calls a Gyre that may be dead at any moment: asks again until there is an answer. */
export class Calls {
  /** How often a call was made again. */
  again = 0;

  /**
   * @param timeoutMs how long one try may take
   * @returns the JSON that it is answered with
   * @throws Error for an answer that another try will not change, or after minutes
   */
  async json<T>(method: string, url: string, body?: string | object, timeoutMs = TIMEOUT_MS): Promise<T> {
    return JSON.parse(Buffer.from(await this.bytes(method, url, body, timeoutMs)).toString('utf8')) as T;
  }

  async bytes(method: string, url: string, body?: string | object, timeoutMs = TIMEOUT_MS): Promise<ArrayBuffer> {
    const end = Date.now() + PATIENCE_MS + timeoutMs;
    for (;;) {
      const problem = await this.tried(method, url, body, timeoutMs);
      if (problem instanceof ArrayBuffer) return problem;
      if (!problem.passes || Date.now() > end) throw new Error(`${method} ${url}: ${problem.text}`);
      this.again += 1;
      await pause(AGAIN_MS);
    }
  }

  /** @returns the answer, or what stands in the way and whether that may pass */
  private async tried(
    method: string,
    url: string,
    body: string | object | undefined,
    timeoutMs: number,
  ): Promise<ArrayBuffer | { text: string; passes: boolean }> {
    try {
      const response = await fetch(url, {
        method,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        headers: { 'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json' },
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.ok) return await response.arrayBuffer();
      const { status } = response;
      // 404: a process that has just started may not know yet what was applied.
      return { text: `${status} ${await response.text()}`, passes: status >= 500 || status === 429 || status === 404 };
    } catch (error) {
      return { text: String((error as Error).cause ?? error), passes: true };
    }
  }
}
