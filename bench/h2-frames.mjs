/** HTTP/2 frames written by hand, for the load generator and the crowd beside it. */
export const Type = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 };
export const Flag = { endStream: 1, ack: 1, endHeaders: 4 };
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of a gRPC call, in HPACK: literals without indexing, so that every request has the same bytes. */
export function callHeaders({ target, path, authorization }) {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': target,
    te: 'trailers',
    'content-type': 'application/grpc',
    ...(authorization === undefined ? {} : { authorization }),
  };
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0]),
      ...[name, value].flatMap((text) => {
        if (text.length > 126) return [Buffer.from([127, text.length - 127]), Buffer.from(text)];
        return [Buffer.from([text.length]), Buffer.from(text)];
      }),
    ]),
  );
}
