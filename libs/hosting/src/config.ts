import { readFileSync } from 'node:fs';
import { GyreError } from '@gyre/contracts';
import type { output, ZodType } from 'zod';
import { z } from 'zod';
import { nearest } from './spelling.js';
import { utf8Text } from './utf8.js';
import { parseYaml, YamlDocument } from './yaml.js';

type Section = Record<string, unknown>;

/**
 * Settings: one section per part of Gyre, from `gyre.yaml`, over it `GYRE_*` variables, over them what the command line says.
 *
 * `GYRE_<SECTION>_<KEY>` sets `<section>.<key>`: `GYRE_HTTP_PORT=9000`, `GYRE_DRIFT_MONITOR_WINDOWS_MAX=500`. Everything is strict: a section,
 * key or variable that nothing reads stops the start, with its place and what it was probably meant to be.
 */
export class Config {
  private constructor(
    private readonly file: string,
    private readonly document: YamlDocument | undefined,
    private readonly sections: ReadonlyMap<string, Section>,
    private readonly known: readonly string[],
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
    const fromFile = (document?.value ?? {}) as Record<string, Section>;
    const config = new Config(
      file ?? 'gyre.yaml',
      document,
      merged(known, defaults, fromFile, fromEnvironment(env, known), overrides),
      known,
    );
    config.refuseUnknownSections(fromFile);
    return config;
  }

  /** One section, checked. @throws GyreError CONFIG_INVALID with path, line and what would be right */
  read<S extends ZodType>(section: string, schema: S): output<S> {
    if (!this.known.includes(section)) throw new RangeError(`no section ${section} is known to Config.load`);
    const value = this.sections.get(section) ?? {};
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    // The file's own problems have lines; those of variables and flags have their path.
    this.document?.parse(z.looseObject({ [section]: schema.optional() }), 'CONFIG_INVALID');
    const problems = parsed.error.issues.map((issue) => `${[section, ...issue.path].join('.')}: ${issue.message}`);
    throw new GyreError('CONFIG_INVALID', problems.join('\n'), { section });
  }

  private refuseUnknownSections(fromFile: Record<string, Section>): void {
    for (const name of Object.keys(fromFile)) {
      if (this.known.includes(name)) continue;
      const place = this.document?.problem([name], '');
      const meant = nearest(name, this.known);
      const advice = meant === undefined ? `known: ${this.known.join(', ')}` : `did you mean "${meant}"?`;
      throw new GyreError(
        'CONFIG_INVALID',
        `${this.file}:${place?.line}:${place?.column}: unknown section "${name}"; ${advice}`,
      );
    }
  }
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

function merged(known: readonly string[], ...sources: Readonly<Record<string, Section>>[]): Map<string, Section> {
  return new Map(known.map((name) => [name, Object.assign({}, ...sources.map((source) => source[name] ?? {}))]));
}

function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): Record<string, Section> {
  const sections: Record<string, Section> = {};
  const prefixes = known.map((name) => ({ name, prefix: `GYRE_${name.toUpperCase().replaceAll('-', '_')}_` }));
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('GYRE_') || text === undefined || RESERVED.has(variable)) continue;
    const match = prefixes.find(({ prefix }) => variable.startsWith(prefix));
    if (match === undefined) {
      throw new GyreError(
        'CONFIG_INVALID',
        `${variable} sets nothing; variables are GYRE_<SECTION>_<KEY>, with sections ${known.join(', ')}`,
      );
    }
    const key = variable
      .slice(match.prefix.length)
      .toLowerCase()
      .replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    (sections[match.name] ??= {})[key] = scalar(text);
  }
  return sections;
}

/** Read by other parts: the golden vectors' folder, the settings file, the console's address for the CLI. */
const RESERVED = new Set([
  'GYRE_GOLDEN_DIR',
  'GYRE_CONFIG',
  'GYRE_URL',
  'GYRE_TOKEN',
  ...['GYRE_TEST_KAFKA', 'GYRE_TEST_MONGODB', 'GYRE_TEST_SERVERS', 'GYRE_TEST_SERVERS_AT'],
  'GYRE_CA_FILE',
  'GYRE_CERT_FILE',
  'GYRE_KEY_FILE',
]);

function scalar(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
