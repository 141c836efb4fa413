import { rawTopic, topic } from '@gyre/contracts';
import { z } from 'zod';

/** The events that the suite sends about: a word under a key, with a number. */
export const Word = z.object({ key: z.string(), n: z.number() });
export type Word = z.infer<typeof Word>;

const days = { days: 1 };
export const words = topic('test.words', Word, (word) => word.key, days);
export const echoes = topic('test.echoes', Word, (word) => word.key, days);
export const replies = topic('test.replies', Word, (word) => word.key, days);
export const bytes = rawTopic('test.bytes', z.instanceof(Uint8Array), days);
export const kept = topic('test.kept', Word, (word) => word.key, 'forever');

/** Numbers under a key, in this order. */
export function say(key: string, ...numbers: number[]): Word[] {
  return numbers.map((n) => ({ key, n }));
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
