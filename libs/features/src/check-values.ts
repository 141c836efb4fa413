import {
  hasType,
  inRange,
  rulesOf,
  type FieldRules,
  type FieldType,
  type FieldValue,
  type ViewRules,
} from './field-rules.js';

/** What is wrong with one field of an event. */
export interface FieldProblem {
  /** Empty where it is all the values together. */
  field: string;
  /** What was found, without the value of a private field. */
  problem: string;
  /** What would be right. */
  expected: string;
}

export type CheckedValues =
  /** The values that may go on, in the order they came; private fields are gone. */
  { values: Record<string, FieldValue>; problems?: never } | { values?: never; problems: FieldProblem[] };

const TYPES: Record<FieldType, string> = {
  float: 'a finite number',
  int: 'a whole number of at most 2^53',
  bool: 'true or false',
  string: 'a text',
};
const LISTED_MAX = 20;
const SHOWN_CHARACTERS_MAX = 80;

/**
 * Checks the values of one event against its view: unknown fields, types (NaN and Infinity are no numbers), nulls, ranges, enums.
 *
 * An event must bring every field that is not nullable; a nullable field that it does not name stays as it was. All problems are
 * found, not only the first.
 *
 * @param isDiscreet asked where there is a problem: whether what is of no field's type may be a private value that went astray, and is
 *   not shown; by default if the view has private fields
 */
export function checkValues(
  view: ViewRules,
  values: Readonly<Record<string, unknown>>,
  isDiscreet = (): boolean => Object.values(view.fields).some((rules) => rules.private),
): CheckedValues {
  const problems: FieldProblem[] = [];
  const clean: Record<string, FieldValue> = {};
  for (const field of Object.keys(values)) {
    const value = values[field];
    const rules = rulesOf(view, field);
    const problem = rules === undefined ? unknownField(view, field) : problemWith(value, field, rules, isDiscreet);
    if (problem !== undefined) problems.push(problem);
    else if (rules?.private === false) clean[field] = value as FieldValue;
  }
  for (const field of Object.keys(view.fields)) {
    const rules = view.fields[field] as FieldRules;
    if (rules.nullable || Object.hasOwn(values, field)) continue;
    problems.push({ field, problem: 'is missing', expected: `${expectation(rules)}, or nullable: true in the view` });
  }
  if (problems.length === 0 && Object.keys(values).length === 0) {
    problems.push({
      field: '',
      problem: 'is empty',
      expected: `one or more of ${listed(Object.keys(view.fields))}`,
    });
  }
  return problems.length > 0 ? { problems } : { values: clean };
}

function unknownField(view: ViewRules, field: string): FieldProblem {
  return { field, problem: 'is no field of the view', expected: `one of ${listed(Object.keys(view.fields))}` };
}

function problemWith(
  value: unknown,
  field: string,
  rules: FieldRules,
  isDiscreet: () => boolean,
): FieldProblem | undefined {
  if (value === null || value === undefined) {
    if (rules.nullable) return undefined;
    return { field, problem: 'is null', expected: `${expectation(rules)}, or nullable: true in the view` };
  }
  const known = value as FieldValue;
  if (!hasType(known, rules.type))
    return {
      field,
      problem: rules.private ? 'has the wrong type' : `is ${isDiscreet() ? kindOf(value) : shown(value)}`,
      expected: expectation(rules),
    };
  if (inRange(known as Exclude<FieldValue, null>, rules)) return undefined;
  return {
    field,
    problem: rules.private ? 'is out of range' : `is ${shown(value)}, out of range`,
    expected: expectation(rules),
  };
}

function expectation(rules: FieldRules): string {
  const { min, max } = rules;
  if (rules.enum !== undefined) return `one of ${listed(rules.enum)}`;
  if (min !== undefined && max !== undefined) return `${TYPES[rules.type]} from ${min} to ${max}`;
  if (min !== undefined) return `${TYPES[rules.type]}, at least ${min}`;
  if (max !== undefined) return `${TYPES[rules.type]}, at most ${max}`;
  return TYPES[rules.type];
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}…`;
}

/** Numbers and truth values as they are; of everything else only what it is. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return shown(value);
}

function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  return names.slice(0, LISTED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
