import type { AppenderRecipe, PlatformAppender } from '../appender-recipe.js';
import { Appender } from './appender.js';
import { openKafka } from './kafka/client.js';
import { Sender } from './kafka/sender.js';
import { Topics } from './kafka/topics.js';
import type { KafkaOptions } from './options.js';
import { Outage } from './outage.js';
import { withDefaults } from './defaults.js';

interface Attachment {
  kafka: KafkaOptions;
  partitions: number;
}

export function threadRecipe(attachment: Attachment): AppenderRecipe {
  return { module: import.meta.url, data: attachment };
}

/** A producer of its own: nothing of it passes through the thread that serves. */
export async function openAppender(data: unknown): Promise<PlatformAppender> {
  const { kafka: options, partitions } = data as Attachment;
  const settings = withDefaults(options);
  const silent = () => undefined;
  const kafka = openKafka(options, silent);
  const { compression, appendTimeoutMs: timeoutMs, retentionSlackDays: slackDays } = settings;
  const outage = new Outage('Kafka', silent);
  const topics = new Topics(kafka, { ...settings, partitions, slackDays, patienceMs: timeoutMs }, outage, silent);
  const sender = new Sender(kafka, { compression, timeoutMs }, outage, silent);
  const appender = new Appender({
    sender,
    partitions,
    now: Date.now,
    nameOf: (topic) => topics.nameOf(topic),
    ready: (topic) => topics.ready([topic]),
  });
  return {
    appendAs: (producer, topic, events) => appender.appendAs(producer, topic, events),
    close: async () => void (await Promise.all([sender.close(), topics.close()])),
  };
}
