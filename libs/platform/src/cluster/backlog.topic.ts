import { topic } from '@gyre/contracts';
import { z } from 'zod';

/** Events as long as one likes. */
export const drops = topic('test.drops', z.object({ key: z.string(), text: z.string() }), ({ key }) => key, {
  days: 1,
});
