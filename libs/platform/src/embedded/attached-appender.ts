import type { AppenderRecipe, PlatformAppender } from '../appender-recipe.js';
import { AttachedLog } from './attached-log.js';

interface Attachment {
  dir: string;
  fsync: boolean;
}

export function attachmentRecipe(attachment: Attachment): AppenderRecipe {
  return { module: import.meta.url, data: attachment };
}

/** @throws GyreError DATA_DIR_IN_USE unless this process has the directory open */
export async function openAppender(data: unknown): Promise<PlatformAppender> {
  const { dir, fsync } = data as Attachment;
  const log = AttachedLog.attach(dir, { fsync });
  return {
    appendAs: async (producer, topic, events) => log.appendAs(producer, topic, events),
    close: async () => log.close(),
  };
}
