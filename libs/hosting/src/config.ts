import { readFileSync } from 'node:fs';
import { GyreError } from '@gyre/contracts';
import type { output, ZodType } from 'zod';
import { fromEnvironment, variableOf, type FromVariable } from './environment.js';
import { faultsOf, type Fault } from './explain.js';
import { nearest } from './spelling.js';
import { utf8Text } from './utf8.js';
import { parseYaml, problemText, written, type YamlDocument } from './yaml.js';

type Section = Record<string, unknown>;

/**
 * Settings: one section per part of Gyre, from `gyre.yaml`, over it `GYRE_*` variables, over them what the command line says.
 *
 * `GYRE_<SECTION>_<KEY>` sets `<section>.<key>`: `GYRE_HTTP_PORT=9000`, `GYRE_DRIFT_MONITOR_WINDOWS_MAX=500`. Everything is strict: a section,
 * key or variable that nothing reads stops the start, with its place and what it was probably meant to be.
 */
export class Config {
  private constructor(
    private readonly document: YamlDocument | undefined,
    private readonly sections: ReadonlyMap<string, Section>,
    private readonly known: readonly string[],
    /** Those that nothing is set over. */
    private readonly variables: readonly FromVariable[],
  ) {}

  /**
   * @param known the names of all sections
   * @throws GyreError CONFIG_INVALID
   */
  static load(options: {
    known: readonly string[];
    file?: string | undefined;
    env?: Readonly<Record<string, string | undefined>>;
    overrides?: Readonly<Record<string, Section>>;
    /** What counts where nobody says anything, instead of a section's own default. */
    defaults?: Readonly<Record<string, Section>>;
  }): Config {
    const { known, file, env = {}, overrides = {}, defaults = {} } = options;
    const document = file === undefined ? undefined : parseYaml(read(file), file, 'CONFIG_INVALID')[0];
    const fromFile = (document?.value ?? {}) as Record<string, Section | null>;
    const { settings, problems } = fromEnvironment(env, known);
    const unknown = Object.keys(fromFile).filter((name) => !known.includes(name));
    problems.unshift(...unknown.map((name) => unknownSection(name, known, file ?? '', document)));
    for (const [name, value] of Object.entries(fromFile)) {
      const isSection = value === null || (typeof value === 'object' && !Array.isArray(value));
      const problem = `expected settings such as \`key: value\`; got ${JSON.stringify(value)}`;
      if (document !== undefined && known.includes(name) && !isSection)
        problems.push(problemText(document.problem([name], problem)));
    }
    if (problems.length > 0) throw new GyreError('CONFIG_INVALID', problems.join('\n'));
    const variables: Record<string, Section> = {};
    for (const { section, key, value } of settings) (variables[section] ??= {})[key] = value;
    const overridden = ({ section, key }: FromVariable) => Object.hasOwn(overrides[section] ?? {}, key);
    return new Config(
      document,
      merged(known, defaults, fromFile, variables, overrides),
      known,
      settings.filter((setting) => !overridden(setting)),
    );
  }

  /** One section, checked. @throws GyreError CONFIG_INVALID with path, line and what would be right */
  read<S extends ZodType>(section: string, schema: S): output<S> {
    if (!this.known.includes(section)) throw new RangeError(`no section ${section} is known to Config.load`);
    const value = this.sections.get(section) ?? {};
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const variables = new Map(this.variables.filter((v) => v.section === section).map((v) => [v.key, v.variable]));
    // A variable may hold a secret, and so may the section as a whole.
    const faults = faultsOf(schema, value, ([key]) => key !== undefined && !variables.has(String(key)));
    const problems = faults.map((fault) => this.told(section, fault, variables.get(String(fault.path[0]))));
    throw new GyreError('CONFIG_INVALID', problems.join('\n'), { section });
  }

  /** With the place in the file, or the variable; what came with the command line, or came not at all, has its path alone. */
  private told(section: string, { path, problem, meant }: Fault, variable: string | undefined): string {
    if (variable !== undefined) {
      const [key, ...inner] = path;
      const where = inner.length === 0 ? variable : `${variable}: ${written(inner)}`;
      return meant === undefined || inner.length > 0
        ? `${where}: ${problem}`
        : `${where} sets nothing: section ${section} has no key "${String(key)}"; did you mean ${variableOf(section, meant)}?`;
    }
    const whole = [section, ...path];
    const inFile = (this.document?.value ?? {}) as Record<string, unknown>;
    if (this.document !== undefined && Object.hasOwn(inFile, section))
      return problemText(this.document.problem(whole, problem));
    return `${written(whole)}: ${problem}`;
  }
}

function unknownSection(
  name: string,
  known: readonly string[],
  file: string,
  document: YamlDocument | undefined,
): string {
  const place = document?.problem([name], '');
  const meant = nearest(name, known);
  const advice = meant === undefined ? `known: ${known.join(', ')}` : `did you mean "${meant}"?`;
  return `${file}:${place?.line}:${place?.column}: unknown section "${name}"; ${advice}`;
}

function read(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new GyreError('CONFIG_INVALID', `cannot read the settings ${file}: ${(error as Error).message}`);
  }
  return utf8Text(bytes, file, 'CONFIG_INVALID');
}

function merged(
  known: readonly string[],
  ...sources: Readonly<Record<string, Section | null>>[]
): Map<string, Section> {
  return new Map(known.map((name) => [name, Object.assign({}, ...sources.map((source) => source[name] ?? {}))]));
}
