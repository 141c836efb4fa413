import { nearest } from './spelling.js';

/** A setting that a variable makes. */
export interface FromVariable {
  variable: string;
  section: string;
  key: string;
  value: unknown;
}

/**
 * What `GYRE_<SECTION>_<KEY>` variables set, and what is wrong with those that set nothing.
 * @param known the names of all sections
 */
export function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): { settings: FromVariable[]; problems: string[] } {
  const settings: FromVariable[] = [];
  const problems: string[] = [];
  const prefixes = known.map((section) => ({ section, prefix: prefixOf(section) }));
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('GYRE_') || text === undefined || RESERVED.has(variable)) continue;
    const match = prefixes.find(({ prefix }) => variable.startsWith(prefix));
    if (match === undefined) {
      const meant = nearest(variable, [...RESERVED]);
      const advice = meant === undefined ? '' : `; did you mean ${meant}?`;
      problems.push(
        `${variable} sets nothing; variables are GYRE_<SECTION>_<KEY>, with sections ${known.join(', ')}${advice}`,
      );
      continue;
    }
    const key = variable
      .slice(match.prefix.length)
      .toLowerCase()
      .replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    settings.push({ variable, section: match.section, key, value: scalar(text) });
  }
  return { settings, problems };
}

/** The variable that sets `<section>.<key>`. */
export function variableOf(section: string, key: string): string {
  return prefixOf(section) + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function prefixOf(section: string): string {
  return `GYRE_${section.toUpperCase().replaceAll('-', '_')}_`;
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
