import { serverSentEvents } from './event-stream.js';

const TEXT = ': hello\n\nevent: lifecycle\nid: 7\ndata: {"a":\ndata: "é"}\n\ndata: plain\r\n\r\nevent: lost\n\n';

async function read(...parts: Uint8Array[]) {
  const events = [];
  const bytes = (async function* () {
    yield* parts;
  })();
  for await (const event of serverSentEvents(bytes)) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('are the same however the network cuts them', async () => {
    const bytes = Buffer.from(TEXT);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual([
        { event: 'lifecycle', data: '{"a":\n"é"}' },
        { event: 'message', data: 'plain' },
      ]);
    }
  });
});
