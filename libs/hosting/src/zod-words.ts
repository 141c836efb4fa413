import type { core } from 'zod';

const TYPES: Readonly<Record<string, string>> = {
  record: 'a mapping',
  object: 'a mapping',
  array: 'a list',
  tuple: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** What a schema's own words say, for people who do not know its library. Words that we gave the schema stay as they are. */
export function inPlainWords(issue: core.$ZodIssue): string {
  const choices = choicesOf(issue);
  if (choices.length > 0 && /^Invalid (input|option|discriminator value)/.test(issue.message))
    return `expected ${choices.length > 1 ? 'one of ' : ''}${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  const text = issue.message.replace(/^Invalid (input|option): /, '');
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input: expected'))
    return `expected ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_small' && issue.message.startsWith('Too small'))
    return bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
  if (issue.code === 'too_big' && issue.message.startsWith('Too big'))
    return bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
  return text;
}

/** The values that may stand at a place, where there are only so many. */
export function choicesOf(issue: core.$ZodIssue): readonly unknown[] {
  if (issue.code === 'invalid_value') return issue.values;
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options ?? []) : [];
}

function bound(origin: string, how: string, limit: number | bigint): string {
  if (origin === 'string' && how === 'at least' && limit === 1) return 'must not be empty';
  if (origin === 'string') return `must have ${how} ${limit} characters`;
  return origin === 'array' ? `must have ${how} ${limit} entries` : `must be ${how} ${limit}`;
}
