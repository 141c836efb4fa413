import { z } from 'zod';
import { JsonBody } from './http.js';

describe('a JSON body', () => {
  const Command = z.strictObject({ version: z.int().min(1), reason: z.string().min(1) });
  const body = new JsonBody(Command);

  it('that is as it should be becomes its value', () => {
    expect(body.transform(Buffer.from('{"version":3,"reason":"slow"}'))).toEqual({ version: 3, reason: 'slow' });
  });

  it.each([
    ['{"version":3,"reason":""}', 'reason: must not be empty'],
    ['{"version":0}', 'version: must be at least 1; reason: expected a text'],
    ['{"version":"3","reason":"slow"}', 'version: expected a number'],
  ])('is refused in plain words: %s', (text, message) => {
    expect(() => body.transform(Buffer.from(text))).toThrow(message);
  });
});
