import { isUtf8 } from 'node:buffer';
import { GyreError, type ErrorCode } from '@gyre/contracts/errors';

/**
 * The text of a file that people write. A decoder would put replacement characters for what is not UTF-8, and names would be others.
 * @throws GyreError with `code` and the first place that is none, in the form of all problems of YAML files
 */
export function utf8Text(bytes: Uint8Array, file: string, code: ErrorCode): string {
  const text = new TextDecoder().decode(bytes);
  if (isUtf8(bytes)) return text;
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const i = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
  const line = i + 1;
  const column = new TextDecoder().decode(Buffer.from(lines[i] ?? '', 'latin1')).indexOf('\ufffd') + 1;
  const problem = `line ${line} is not UTF-8; convert the file, for example with iconv -f latin1 -t utf-8`;
  throw new GyreError(code, `${file}:${line}:${column}: ${problem}`, {
    problems: [{ file, line, column, path: '', problem }],
  });
}
