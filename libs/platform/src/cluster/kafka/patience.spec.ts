import { createRequire } from 'node:module';
import { Outage } from '../outage.js';
import { patiently } from './patience.js';

const errors = createRequire(import.meta.url)('kafkajs/src/errors.js') as {
  KafkaJSProtocolError: new (error: { type: string; message: string; retriable: boolean }) => Error;
  KafkaJSNumberOfRetriesExceeded: new (error: Error, options: { retryCount: number; retryTime: number }) => Error;
  KafkaJSSASLAuthenticationError: new (error: Error) => Error;
};
const protocol = (type: string) => new errors.KafkaJSProtocolError({ type, message: type, retriable: true });

describe('patience with Kafka', () => {
  /** Throws these one after the other, then answers. */
  async function answered(thrown: Error[], forMs = 10_000) {
    const left = [...thrown];
    const work = async () => {
      const error = left.shift();
      if (error !== undefined) throw error;
      return 'answer';
    };
    const [isClosed, logger] = [() => false, () => undefined];
    const outage = new Outage('Kafka', logger);
    return patiently(work, { forMs, what: 'get the topics ready', isClosed, outage, logger });
  }

  it.each([
    'UNKNOWN_TOPIC_OR_PARTITION',
    'LEADER_NOT_AVAILABLE',
    'NOT_CONTROLLER',
    'GROUP_COORDINATOR_NOT_AVAILABLE',
    'INVALID_REPLICATION_FACTOR',
  ])('tries again after %s, also where kafkajs has wrapped it', async (type) => {
    const wrapped = new errors.KafkaJSNumberOfRetriesExceeded(protocol(type), { retryCount: 2, retryTime: 50 });
    await expect(answered([protocol(type), wrapped])).resolves.toBe('answer');
  });

  it('says when its time is over what it asked for', async () => {
    await expect(answered([protocol('NOT_CONTROLLER')], 0)).rejects.toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
      message: expect.stringMatching(
        /^Kafka could not get the topics ready for 0 s: .*NOT_CONTROLLER.*\. See/,
      ) as string,
    });
  });

  it.each([
    ['wrong credentials', new errors.KafkaJSSASLAuthenticationError(new Error('wrong'))],
    ['what is not allowed', protocol('TOPIC_AUTHORIZATION_FAILED')],
  ])('does not wait where that does not help: %s', async (_, error) => {
    const wrapped = new errors.KafkaJSNumberOfRetriesExceeded(error, { retryCount: 2, retryTime: 50 });
    for (const each of [error, wrapped])
      await expect(answered([each])).rejects.toMatchObject({
        code: 'PLATFORM_UNAVAILABLE',
        message: expect.stringContaining('Trying again would not help') as string,
      });
  });
});
