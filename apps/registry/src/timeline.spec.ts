import { topics, type Lifecycle } from '@gyre/contracts';
import type { Catalog, KnownEverywhere } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { RegistryController } from './registry.http.js';
import { TimelinePages } from './timeline-pages.js';

describe('the timeline', () => {
  const platform = EmbeddedPlatform.inMemory({});
  let read = 0;
  const pages = new TimelinePages({
    follow: platform.follow.bind(platform),
    async *read(...from: Parameters<EmbeddedPlatform['read']>) {
      for await (const record of platform.read(...from)) {
        read += 1;
        yield record;
      }
    },
  } as EmbeddedPlatform);
  const timeline = new RegistryController(platform, {} as Catalog, {} as KnownEverywhere, pages);
  const page = async (limit: string, before?: string) =>
    (await timeline.timeline('m', limit, before)).map(({ reason }) => reason);
  beforeAll(async () => {
    const commands = ['a', 'b', 'c', 'd', 'e'].map((reason, i): Lifecycle => {
      return { model: 'm', occurredAt: i, actor: 'jane', reason, type: 'RetrainCommanded' };
    });
    await platform.append(topics.lifecycle, commands);
  });
  afterAll(() => platform.close());

  it('gives the newest decisions, newest first, as many as are asked for', async () => {
    expect(await page('2')).toEqual(['e', 'd']);
    expect(await page('3')).toEqual(['e', 'd', 'c']);
    expect(await page('5')).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(await page('99')).toEqual(['e', 'd', 'c', 'b', 'a']);
  });

  it('goes on before the oldest of a page', async () => {
    const [, { offset } = { offset: 0 }] = await timeline.timeline('m', '2');
    expect(await page('2', String(offset))).toEqual(['c', 'b']);
  });

  it('reads no more of the log than it gives, however long the log is', async () => {
    const [, { offset } = { offset: 0 }] = await timeline.timeline('m', '2');
    read = 0;
    expect(await page('1', String(offset))).toEqual(['c']);
    expect(read).toBe(1);
  });

  it('holds what has been decided by the time it is asked for', async () => {
    await platform.append(topics.lifecycle, [
      { model: 'n', occurredAt: 1, actor: 'jane', reason: 'of another model', type: 'RetrainCommanded' },
      { model: 'm', occurredAt: 9, actor: 'jane', reason: 'f', type: 'RetrainCommanded' },
    ]);
    expect(await page('2')).toEqual(['f', 'e']);
  });

  it('gives the decisions of some types alone, wherever they lie', async () => {
    const told = { model: 'n', occurredAt: 1, actor: 'registry' };
    const moved = { ...told, version: 1, rollout: null, evidence: null };
    const decisions: Lifecycle[] = [
      { ...moved, type: 'Promoted', from: null, reason: 'first' },
      { ...moved, type: 'RolledBack', from: 2, reason: 'taken back' },
      ...['a', 'b', 'c'].map((reason): Lifecycle => ({ ...told, reason, type: 'RetrainCommanded' })),
      { ...moved, type: 'Promoted', from: null, reason: 'second' },
    ];
    await platform.append(topics.lifecycle, decisions);
    const of = async (types: string, limit = '100') =>
      (await timeline.timeline('n', limit, undefined, types)).map(({ reason }) => reason);
    expect(await of('Promoted')).toEqual(['second', 'first']);
    expect(await of('Promoted,RolledBack', '2')).toEqual(['second', 'taken back']);
    await expect(of('Promoted,Demoted')).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/^types=Promoted,Demoted: no decision is a "Demoted"; there are: .*RolledBack/),
    });
  });

  it.each(['0', '-1', 'all'])('refuses limit=%s', async (limit) => {
    await expect(page(limit)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: `limit=${limit} is not a whole number of 1 or more`,
    });
  });
});
