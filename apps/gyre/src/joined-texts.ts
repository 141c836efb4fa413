export interface NamedText {
  file: string;
  text: string;
}

/** Ends a YAML document; what follows may begin with `---` or without. */
const SEPARATOR = '...\n';

/** Several YAML files as one text that knows which line is whose. */
export class JoinedTexts {
  readonly text: string;
  /** Of the file, or of all. */
  readonly name: string;
  private readonly starts: { file: string; line: number }[] = [];

  constructor(files: readonly NamedText[]) {
    let text = '';
    let line = 1;
    for (const [i, file] of files.entries()) {
      const part = i === 0 ? file.text : `${text.endsWith('\n') ? '' : '\n'}${SEPARATOR}${file.text}`;
      const ahead = part.length - file.text.length;
      line += linesIn(part.slice(0, ahead));
      this.starts.push({ file: file.file, line });
      line += linesIn(file.text);
      text += part;
    }
    this.text = text;
    this.name = files.map(({ file }) => file).join(', ');
  }

  /** @param line of the whole, from 1 */
  placeOf(line: number): { file: string; line: number } {
    const start = this.starts.findLast((each) => each.line <= line);
    return start === undefined ? { file: this.name, line } : { file: start.file, line: line - start.line + 1 };
  }
}

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}
