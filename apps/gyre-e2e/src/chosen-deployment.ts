import { testServers } from '../../../tools/servers/index.mjs';
import { cluster, embedded, type Deployment } from './deployment.js';

/** The platform that this run of the suite is about: `E2E_PLATFORM`, by default embedded. */
export const platform = process.env['E2E_PLATFORM'] ?? 'embedded';

async function chosen(): Promise<Deployment> {
  if (platform === 'embedded') return embedded;
  if (platform !== 'cluster') throw new RangeError(`E2E_PLATFORM is ${platform}; there are: embedded, cluster`);
  const servers = await testServers();
  // Where there are none, the suite is skipped before anything is started.
  return cluster('missing' in servers ? { kafka: 'none:0', mongodb: 'mongodb://none' } : servers);
}

export const deployment = await chosen();
