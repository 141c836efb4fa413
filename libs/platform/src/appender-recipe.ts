import type { Platform } from './platform.js';

/** What another thread of a process needs to append to its platform: plain data, which that thread opens with `openAppender`. */
export interface AppenderRecipe {
  /** URL of a module that exports `openAppender(data: unknown): Promise<PlatformAppender>`. */
  module: string;
  /** What the module takes; survives a structured clone. */
  data: unknown;
}

/** A platform as a thread sees it that only appends. It works as long as the platform that gave its recipe is open. */
export interface PlatformAppender extends Pick<Platform, 'appendAs'> {
  close(): Promise<void>;
}

/** @throws GyreError as the adapter does, such as DATA_DIR_IN_USE where the platform has been closed */
export async function openAppender({ module, data }: AppenderRecipe): Promise<PlatformAppender> {
  const adapter = (await import(module)) as { openAppender: (data: unknown) => Promise<PlatformAppender> };
  return adapter.openAppender(data);
}
