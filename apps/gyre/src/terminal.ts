/** Where a command writes, and what it knows of its surroundings. */
export interface Terminal {
  /** Standard output: what was asked for, and nothing else. */
  write(text: string): void;
  /** Standard error: progress, warnings, failures. */
  note(text: string): void;
  readStdin(): Promise<Uint8Array>;
  /** Standard input's lines, without their ends, in batches as they come. */
  stdinLines(): AsyncIterable<readonly string[]>;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether a person watches standard error. */
  watched: boolean;
}

export function processTerminal(): Terminal {
  return {
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    async readStdin() {
      const parts: Buffer[] = [];
      for await (const part of process.stdin) parts.push(Buffer.from(part as Uint8Array));
      return Buffer.concat(parts);
    },
    stdinLines: () => linesOf(process.stdin as AsyncIterable<Uint8Array>),
    env: process.env,
    watched: process.stderr.isTTY === true,
  };
}

/** Text from outside may hold escape sequences that would steer the reader's terminal. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** The lines of a stream of UTF-8, in batches as they come; a last one without an end is a line too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}
