import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GyreError } from '@gyre/contracts';
import { z } from 'zod';
import { Config } from './config.js';
import { HttpConfig, LogConfig } from './hosting.config.js';

const known = ['http', 'log', 'drift-monitor'];
const DriftMonitor = z.strictObject({ windowsMax: z.int().min(1).default(9), url: z.url().optional() });

function fileOf(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'gyre-config-')), 'gyre.yaml');
  writeFileSync(file, text);
  return file;
}
function problemsOf(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof GyreError && error.code === 'CONFIG_INVALID') return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('come from the file, over it from variables, over them from the command line', () => {
    const file = fileOf('http: { port: 1, host: a, bodyBytesMax: 5000 }\n');
    const config = Config.load({
      known,
      file,
      env: { GYRE_HTTP_PORT: '2', GYRE_HTTP_HOST: 'b' },
      overrides: { http: { port: 3 } },
    });
    expect(config.read('http', HttpConfig)).toMatchObject({ port: 3, host: 'b', bodyBytesMax: 5_000 });
  });

  it('tell every section and variable that nothing reads at once', () => {
    const file = fileOf('htpp: {}\nlog: {}\nlgo: {}\n');
    const load = () => Config.load({ known, file, env: { GYRE_HTPP_PORT: '1', GYRE_TOKN: 'x' } });
    expect(problemsOf(load)).toEqual([
      `${file}:1:1: unknown section "htpp"; did you mean "http"?`,
      `${file}:3:1: unknown section "lgo"; did you mean "log"?`,
      'GYRE_HTPP_PORT sets nothing; variables are GYRE_<SECTION>_<KEY>, with sections http, log, drift-monitor',
      expect.stringMatching(/^GYRE_TOKN sets nothing; .*; did you mean GYRE_TOKEN\?$/),
    ]);
  });

  it('refuse what stands where a section should, but an empty one', () => {
    const file = fileOf('http: 5\nlog:\ndrift-monitor: [1]\n');
    expect(problemsOf(() => Config.load({ known, file }))).toEqual([
      `${file}:1:1: http: expected settings such as \`key: value\`; got 5`,
      `${file}:3:1: drift-monitor: expected settings such as \`key: value\`; got [1]`,
    ]);
  });

  it('tell all that is wrong with a section, wherever it was set', () => {
    const file = fileOf('http:\n  hsot: x\n  host: 5\n');
    const config = Config.load({ known, file, env: { GYRE_HTTP_PRT: '1', GYRE_HTTP_PORT: '99999' } });
    expect(problemsOf(() => config.read('http', HttpConfig)).sort()).toEqual([
      `${file}:2:3: http.hsot: unknown key "hsot"; did you mean "host"?`,
      `${file}:3:3: http.host: expected a text; got 5`,
      'GYRE_HTTP_PORT: must be at most 65535',
      'GYRE_HTTP_PRT sets nothing: section http has no key "prt"; did you mean GYRE_HTTP_PORT?',
    ]);
  });

  it('name variables of several words as they are written', () => {
    const config = Config.load({ known, env: { GYRE_DRIFT_MONITOR_WINDOW_MAX: '3' } });
    expect(problemsOf(() => config.read('drift-monitor', DriftMonitor))).toEqual([
      expect.stringMatching(/ did you mean GYRE_DRIFT_MONITOR_WINDOWS_MAX\?$/),
    ]);
  });

  it('never show what a variable holds', () => {
    const config = Config.load({ known, env: { GYRE_DRIFT_MONITOR_URL: 'secret', GYRE_LOG_LEVEL: 'secret' } });
    const problems = [
      ...problemsOf(() => config.read('drift-monitor', DriftMonitor)),
      ...problemsOf(() => config.read('log', LogConfig)),
    ];
    expect(problems).toEqual([
      expect.stringMatching(/^GYRE_DRIFT_MONITOR_URL: /),
      expect.stringMatching(/^GYRE_LOG_LEVEL: expected one of "debug", /),
    ]);
    expect(problems.join()).not.toContain('secret');
    const whole = DriftMonitor.refine(() => false, 'do not fit together');
    const fitting = Config.load({ known, env: { GYRE_DRIFT_MONITOR_URL: 'http://secret' } });
    expect(problemsOf(() => fitting.read('drift-monitor', whole))).toEqual(['drift-monitor: do not fit together']);
  });

  it('tell what the command line says wrongly by its path', () => {
    const config = Config.load({ known, env: { GYRE_HTTP_PORT: '1' }, overrides: { http: { port: 70_000 } } });
    expect(problemsOf(() => config.read('http', HttpConfig))).toEqual(['http.port: must be at most 65535; got 70000']);
  });
});
