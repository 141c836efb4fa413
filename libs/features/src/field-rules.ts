/** What a field holds: a number, a whole number, a truth value or a text. */
export type FieldType = 'float' | 'int' | 'bool' | 'string';

/** A feature's value; null is missing. */
export type FieldValue = number | string | boolean | null;

/** The rules of one field of a view. */
export interface FieldRules {
  type: FieldType;
  /** Inclusive bounds of a number. */
  min?: number | undefined;
  max?: number | undefined;
  /** The only values that a text may have. */
  enum?: readonly string[] | undefined;
  /** Whether null, or no value at all, is accepted. */
  nullable: boolean;
  /** A private field is checked and then dropped. */
  private: boolean;
}

/** The rules of a view: what producers may send about one kind of entity. */
export interface ViewRules {
  fields: Readonly<Record<string, FieldRules>>;
  /** A value older than this, in milliseconds of event time, is stale. None: a value never grows stale. */
  ttl?: number | undefined;
}

/** The rules of a field by its name, or undefined where the view has none: `constructor` is no field unless declared. */
export function rulesOf(view: ViewRules, field: string): FieldRules | undefined {
  return Object.hasOwn(view.fields, field) ? view.fields[field] : undefined;
}

/** Whether a value is of the type, whatever its range. An int is a whole number that float64 holds exactly. */
export function hasType(value: FieldValue, type: FieldType): boolean {
  switch (type) {
    case 'float':
      return typeof value === 'number' && Number.isFinite(value);
    case 'int':
      return Number.isSafeInteger(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
  }
}

/** Whether a value of the field's type keeps its bounds and is one of its enum. */
export function inRange(value: Exclude<FieldValue, null>, rules: FieldRules): boolean {
  if (typeof value === 'number') return value >= (rules.min ?? -Infinity) && value <= (rules.max ?? Infinity);
  return typeof value !== 'string' || rules.enum === undefined || rules.enum.includes(value);
}
