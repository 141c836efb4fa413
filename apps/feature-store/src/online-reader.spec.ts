import { GyreError } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { OnlineReader } from './online-reader.js';

describe('the online store', () => {
  it('says that features are unavailable while the platform is away, so that a prediction falls back', async () => {
    const platform = EmbeddedPlatform.inMemory();
    platform.states = () => Promise.reject(new GyreError('PLATFORM_UNAVAILABLE', 'MongoDB cannot be reached'));
    const reader = new OnlineReader(platform, { view: () => undefined, model: () => undefined });
    await expect(reader.get({ inputs: [], entities: ['a'], at: 0, deadlineAt: Infinity })).rejects.toMatchObject({
      code: 'FEATURES_UNAVAILABLE',
      message: 'MongoDB cannot be reached',
    });
    await platform.close();
  });
});
