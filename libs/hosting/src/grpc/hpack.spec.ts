import { HpackDecoder } from './hpack.js';

const custom = ['custom-key', 'custom-value'];
const request = (scheme: string, path: string, ...more: string[]): string[] => [
  ...[':method', 'GET', ':scheme', scheme, ':path', path, ':authority', 'www.example.com'],
  ...more,
];
/** Three requests on one connection, each of which refers to the headers of those before it. */
const REQUESTS = [
  request('http', '/'),
  request('http', '/', 'cache-control', 'no-cache'),
  request('https', '/index.html', ...custom),
];

describe('the decoder of headers', () => {
  it.each([
    [
      'RFC 7541, C.3, without Huffman codes',
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
    ],
    [
      'RFC 7541, C.4, with Huffman codes',
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    ],
  ])('reads %s', (_, blocks) => {
    const decoder = new HpackDecoder(16_384);
    expect(blocks.map((block) => decoder.decode(Buffer.from(block, 'hex')))).toEqual(REQUESTS);
  });
});
