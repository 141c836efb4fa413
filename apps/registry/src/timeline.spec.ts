import { topics, type Lifecycle } from '@gyre/contracts';
import type { Catalog, KnownEverywhere } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { RegistryController } from './registry.http.js';

describe('the timeline', () => {
  const platform = EmbeddedPlatform.inMemory({});
  const timeline = new RegistryController(platform, {} as Catalog, {} as KnownEverywhere);
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

  it.each(['0', '-1', 'all'])('refuses limit=%s', async (limit) => {
    await expect(page(limit)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: `limit=${limit} is not a whole number of 1 or more`,
    });
  });
});
