import type { Predicted, Scored } from '@gyre/contracts';

/**
 * The lines of the prediction log's files, JSON each.
 * - A prediction under its sequence. `awaits`: its shadows are scored after its answer has left, and follow in a line of their own.
 * - The shadows' scores of an earlier prediction, by its sequence; none where they were shed.
 */
export type Line = PredictionLine | ShadowsLine;

export interface PredictionLine {
  sequence: number;
  awaits?: true;
  event: Predicted;
}
export interface ShadowsLine {
  of: number;
  shadows: Scored[];
}

export function predictionLine(sequence: number, event: Predicted, awaits: boolean): string {
  return `{"sequence":${sequence},${awaits ? '"awaits":true,' : ''}"event":${JSON.stringify(event)}}\n`;
}

export function shadowsLine(sequence: number, shadows: readonly Scored[]): string {
  return `{"of":${sequence},"shadows":${JSON.stringify(shadows)}}\n`;
}

/** Lines that are broken, as a dying machine leaves them, are left out. */
export function linesIn(bytes: Buffer): Line[] {
  return bytes.toString('utf8').split('\n').flatMap(parsed);
}

export function isPrediction(line: Line): line is PredictionLine {
  return 'sequence' in line;
}

function parsed(text: string): Line[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
