import { jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVENT_BYTES_MAX, GyreError, topics, type Predicted, type Topic } from '@gyre/contracts';
import { EmbeddedPlatform, type Position, type Sequenced } from '@gyre/platform';
import { aPrediction, KeptLog } from './a-model.js';
import { LogWriter } from './log-writer.js';
import { PredictionLog, type PredictionLogOptions } from './prediction-log.js';

describe('the prediction log', () => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'gyre-'))));
  afterEach(() => rmSync(home, { recursive: true }));

  /** A topic that can be away. */
  class Away {
    gone = false;
    refusals = 0;
    readonly arrived: Sequenced<Predicted>[] = [];
    readonly producers = new Set<string>();
    appenderRecipe(): null {
      return null;
    }
    async appendAs<E>(producer: string, _: Topic<E>, events: readonly Sequenced<E>[]): Promise<Position[]> {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.gone) {
        this.refusals += 1;
        throw new Error('the broker is away');
      }
      if (events.some((event) => JSON.stringify(event).length > EVENT_BYTES_MAX))
        throw new GyreError('EVENT_TOO_LARGE', 'by the specification');
      this.producers.add(producer);
      this.arrived.push(...(events as unknown as readonly Sequenced<Predicted>[]));
      return [];
    }
    get units(): string[] {
      return this.arrived.map(({ event }) => event.id.split('.')[2] as string);
    }
  }
  const open = (platform: PredictionLogOptions['platform'], over: Partial<PredictionLogOptions> = {}): PredictionLog =>
    PredictionLog.open({
      directory: join(home, 'log'),
      platform,
      log: new KeptLog(),
      maxBytes: 1_000_000,
      segmentBytes: 1_000,
      onFull: 'shed',
      fsync: false,
      gatherMs: 10,
      ...over,
    });
  const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `p${from + i}`);
  const segments = (): string[] =>
    readdirSync(join(home, 'log'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));

  it('ships everything once, in order, and deletes what is shipped', async () => {
    const topic = new Away();
    const log = open(topic);
    for (const unit of numbered(0, 100)) log.append([aPrediction(unit)]);
    expect(segments().length).toBeGreaterThan(5);
    await log.shipped();
    expect(topic.units).toEqual(numbered(0, 100));
    expect(segments()).toHaveLength(1);
    await log.close();
  });

  it('keeps what cannot be shipped, through restarts, and ships it under the same instance and sequences', async () => {
    const topic = new Away();
    topic.gone = true;
    const first = open(topic);
    first.append(numbered(0, 30).map(aPrediction));
    await first.close(10);
    const second = open(topic);
    second.append(numbered(30, 60).map(aPrediction));
    await second.close(10);
    topic.gone = false;
    const third = open(topic);
    third.append(numbered(60, 90).map(aPrediction));
    await third.shipped();
    expect([second.instance, third.instance]).toEqual([first.instance, first.instance]);
    expect(topic.units).toEqual(numbered(0, 90));
    const sequences = topic.arrived.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    await third.close();
    const fourth = open(topic);
    await fourth.shipped();
    expect(topic.units).toHaveLength(90);
    await fourth.close();
  });

  it('ships what waits when the broker is back, though nobody writes any more', async () => {
    const topic = new Away();
    topic.gone = true;
    const log = open(topic);
    log.append(numbered(0, 3).map(aPrediction));
    await until(() => topic.refusals === 3);
    topic.gone = false;
    await until(() => topic.units.length === 3);
    await log.close();
  });

  it('ships what is appended while it reads an earlier process’s records from the files', async () => {
    const topic = new Away();
    topic.gone = true;
    const first = open(topic, { segmentBytes: 100_000 });
    first.append(numbered(0, 1_000).map(aPrediction));
    await first.close(10);
    topic.gone = false;
    const second = open(topic);
    void second.shipped();
    for (let from = 1_000; from < 1_100; from += 10) {
      second.append(numbered(from, from + 10).map(aPrediction));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await second.shipped();
    expect(topic.units).toEqual(numbered(0, 1_100));
    await second.close();
  });

  it('adopts the logs of gateways that died beside it, under their names, while it lives', async () => {
    const topic = new Away();
    topic.gone = true;
    const [one, two] = [open(topic), open(topic)];
    one.append(numbered(0, 3).map(aPrediction));
    two.append(numbered(3, 6).map(aPrediction));
    await one.close(10);
    await two.close(10);
    topic.gone = false;
    const heir = open(topic);
    heir.append([aPrediction('p6')]);
    await until(() => topic.units.length === 7);
    expect(topic.units.sort()).toEqual(numbered(0, 7));
    expect([...topic.producers].sort()).toEqual([one.instance, two.instance].sort());
    expect(heir.instance).toBe([one.instance, two.instance].sort()[0]);
    // What was adopted is free for the next gateway, and nothing in it is shipped twice.
    const beside = open(topic);
    await beside.shipped();
    expect([topic.units.length, beside.instance]).toEqual([7, [one.instance, two.instance].sort()[1]]);
    await heir.close();
    await beside.close();
  });

  it('holds a prediction back until its shadows are scored, and ships both as one record', async () => {
    const topic = new Away();
    const log = open(topic);
    const shadows = [{ version: 2, output: [0.5, 0.5] }];
    log.append([aPrediction('before')]);
    const sequence = log.append([aPrediction('scored'), aPrediction('shed'), aPrediction('after')], (i) => i < 2) ?? 0;
    await until(() => topic.units.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(topic.units).toEqual(['before']);
    log.shadows([
      { sequence, shadows },
      { sequence: sequence + 1, shadows: [] },
    ]);
    await log.shipped();
    expect(topic.units).toEqual(['before', 'scored', 'shed', 'after']);
    expect(topic.arrived.map(({ event }) => event.shadows)).toEqual([[], shadows, [], []]);
    log.append([aPrediction('orphaned')], () => true);
    await log.close(10);
    const next = open(topic);
    await next.shipped();
    expect(topic.units.at(-1)).toBe('orphaned');
    await next.close();
  });

  it('leaves out what the topic never takes, and says so', async () => {
    const topic = new Away();
    const kept = new KeptLog();
    const log = open(topic, { log: kept, maxBytes: 5_000_000 });
    log.append([
      aPrediction('p0'),
      { ...aPrediction('large'), features: new Array<number>(60_000).fill(0.123456789012345) },
    ]);
    log.append([aPrediction('p1')]);
    await log.shipped();
    expect(topic.units).toEqual(['p0', 'p1']);
    expect(kept.lines).toContain('a prediction is too large for the topic; it is left out');
    await log.close();
  });

  it('cuts off a line that a dying process left unfinished', async () => {
    const topic = new Away();
    topic.gone = true;
    const first = open(topic);
    first.append([aPrediction('whole')]);
    await first.close(10);
    appendFileSync(join(home, 'log', segments().at(-1) as string), '{"sequence":2,"event":{"id":"tor');
    topic.gone = false;
    const second = open(topic);
    second.append([aPrediction('next')]);
    await second.shipped();
    expect(topic.units).toEqual(['whole', 'next']);
    await second.close();
  });

  it.each(['shed', 'serveUnlogged'] as const)(
    'is bounded: %s when it is full, and whole again later',
    async (onFull) => {
      const topic = new Away();
      topic.gone = true;
      const log = open(topic, { maxBytes: 2_500, onFull });
      const append = (unit: string): number | null => log.append([aPrediction(unit)]);
      for (const unit of numbered(0, 10)) append(unit);
      expect(log.backlog().bytes).toBeGreaterThan(2_250);
      if (onFull === 'shed') expect(() => append('shed')).toThrow('the prediction log takes no more');
      else append('unlogged');
      expect(log.unlogged).toBe(onFull === 'shed' ? 0 : 1);
      topic.gone = false;
      await log.shipped();
      append('later');
      await log.shipped();
      expect(topic.units).toEqual([...numbered(0, 10), 'later']);
      await log.close();
    },
  );

  describe('on a disk that takes nothing', () => {
    const noSpace = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    let firsts: number[];
    let isFull: boolean;
    beforeEach(() => {
      [firsts, isFull] = [[], true];
      const append = LogWriter.prototype.append;
      jest.spyOn(LogWriter.prototype, 'append').mockImplementation(function (this: LogWriter, lines, first) {
        firsts.push(first);
        if (isFull) throw noSpace;
        append.call(this, lines, first);
      });
    });
    afterEach(() => jest.restoreAllMocks());

    it('says so: to clients without the details, to people once a minute, to readiness until it can be written again', async () => {
      const topic = new Away();
      const kept = new KeptLog();
      const log = open(topic, { log: kept });
      for (let i = 0; i < 3; i++) {
        expect(() => log.append([aPrediction('refused')])).toThrow(
          'the prediction log cannot be written, for the disk of this gateway is full or broken; try again later',
        );
      }
      expect(log.problem()).toBe('it cannot be written: ENOSPC');
      expect(kept.lines).toEqual(['the prediction log cannot be written']);
      isFull = false;
      await until(() => log.problem() === null);
      expect(kept.lines.at(-1)).toBe('the prediction log can be written again');
      log.append([aPrediction('p0')]);
      await log.shipped();
      expect(topic.units).toEqual(['p0']);
      await log.close();
    });

    it('gives no sequence again under which a part of a failed write may lie', async () => {
      const topic = new Away();
      const log = open(topic, { onFull: 'serveUnlogged' });
      isFull = false;
      const sequence = log.append([aPrediction('p0')], () => true) as number;
      isFull = true;
      log.shadows([{ sequence, shadows: [{ version: 2, output: [1] }] }]);
      expect(log.append([aPrediction('unlogged')])).toBeNull();
      isFull = false;
      log.append([aPrediction('p1')]);
      expect(new Set(firsts).size).toBe(firsts.length);
      await log.shipped();
      expect(topic.units).toEqual(['p0', 'p1']);
      await log.close();
    });
  });

  it('misses nothing that was answered and doubles nothing, killed at any moment and started again', async () => {
    const dir = join(home, 'platform');
    const answered: string[] = [];
    for (const life of [0, 1, 2, 3])
      answered.push(...(await killedWhile(dir, join(home, 'log'), `life${life}`, 20 + 60 * Math.random())));
    expect(answered.length).toBeGreaterThan(100);

    const platform = EmbeddedPlatform.open({ dir, partitions: 2, tickEveryMs: null });
    const log = open(platform);
    await log.shipped();
    const read: string[] = [];
    platform.run<null, Predicted>({
      name: 'specification.reads',
      inputs: [topics.predictions],
      handle(_, event) {
        read.push(event.id);
        return {};
      },
    });
    await platform.settled();
    const seen = new Set(read);
    expect(read).toHaveLength(seen.size);
    expect(answered.filter((id) => !seen.has(id))).toEqual([]);
    await log.close();
    await platform.close();
  });

  async function until(what: () => boolean): Promise<void> {
    for (let waited = 0; !what(); waited += 5) {
      if (waited > 10_000) throw new Error(`not so: ${what.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** What a gateway's process said until it was killed. */
  async function killedWhile(dir: string, directory: string, prefix: string, afterMs: number): Promise<string[]> {
    const program = fileURLToPath(new URL('./prediction-log.child.js', import.meta.url));
    const child = spawn(process.execPath, [program, dir, directory, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let dies = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      // Some dozens of ids, however slow the machine is.
      if (dies || said.length < 2_000) return;
      dies = true;
      setTimeout(() => child.kill('SIGKILL'), afterMs);
    });
    await new Promise((resolve) => child.once('close', resolve));
    return said.split('\n').slice(0, -1);
  }
});
