import { z } from 'zod';

/** The last file of a backup: what the others are. A backup without it was cut off. */
export const MANIFEST = 'manifest.json';

export const Manifest = z.object({
  kind: z.literal('gyre-backup'),
  format: z.literal(1),
  /** When it was begun, UTC. */
  takenAt: z.iso.datetime(),
  /** Partitions of the platform that it is of. */
  partitions: z.int().positive(),
  files: z.array(z.object({ name: z.string(), size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});
export type Manifest = z.infer<typeof Manifest>;
