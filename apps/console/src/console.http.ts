import { Controller, Get, Inject, NotFoundException, Param, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import type { HttpReply, HttpRequest } from '@gyre/hosting';
import { LiveStream } from './live-stream.js';
import { Site, type SiteFile } from './site.js';

/** Nothing but this server's own files runs, is shown or is asked, and no other page may frame it. */
const CONTENT_SECURITY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const A_YEAR = 'public, max-age=31536000, immutable';

@Controller()
export class ConsoleController implements OnModuleDestroy {
  constructor(
    @Inject(Site) private readonly site: Site,
    @Inject(LiveStream) private readonly stream: LiveStream,
  ) {}

  /** Every page is the same document; the script in it reads the address. */
  @Get(['/', 'models/*'])
  page(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    const file = this.site.file('index.html');
    if (file === undefined)
      throw new GyreError('NOT_READY', 'the console has not been built; run `npx nx build console`');
    send(file, 'no-cache', request, reply);
  }

  /** Built files carry a hash of their content in their name, and so never change. */
  @Get('assets/:name')
  asset(@Param('name') name: string, @Req() request: HttpRequest, @Res() reply: HttpReply): void {
    const file = this.site.file(`assets/${name}`);
    if (file === undefined) throw new NotFoundException(`the console has no file named ${name}`);
    send(file, A_YEAR, request, reply);
  }

  /** Server-sent events; see LiveStream for what they say. */
  @Get('v1/stream')
  async live(@Res() reply: HttpReply): Promise<void> {
    await this.stream.admit();
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const leave = this.stream.join({
      write: (text) => void response.write(text),
      buffered: () => response.writableLength,
      end: () => response.end(),
      cut: () => response.destroy(),
    });
    response.on('close', leave);
    response.on('error', leave);
  }

  async onModuleDestroy(): Promise<void> {
    await this.stream.stop();
  }
}

function send(file: SiteFile, caching: string, request: HttpRequest, reply: HttpReply): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) reply.header(name, value);
  reply
    .header('content-type', file.type)
    .header('cache-control', caching)
    .header('etag', file.etag)
    .header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === file.etag) {
    reply.status(304).send(null);
    return;
  }
  const zipped = file.gzip !== undefined && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (zipped) reply.header('content-encoding', 'gzip');
  reply.send(zipped ? file.gzip : file.bytes);
}
