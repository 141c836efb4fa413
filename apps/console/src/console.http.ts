import { Controller, Get, Inject, NotFoundException, Param, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { Callers, Needs, Open, type HttpReply, type HttpRequest } from '@gyre/hosting';
import { LiveStream } from './live-stream.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { askToSignIn } from './sign-in.http.js';
import { Site, type SiteFile } from './site.js';

/** The longest that a timer takes: 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const A_YEAR = 'public, max-age=31536000, immutable';

@Controller()
export class ConsoleController implements OnModuleDestroy {
  constructor(
    @Inject(Site) private readonly site: Site,
    @Inject(LiveStream) private readonly stream: LiveStream,
    @Inject(Callers) private readonly callers: Callers,
  ) {}

  /** Every page is the same document; the script in it reads the address. Who is not signed in is sent to do so. */
  @Open()
  @Get(['/', 'models/*'])
  page(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    if (request.identity === undefined) return askToSignIn(request, reply);
    const file = this.site.file('index.html');
    if (file === undefined)
      throw new GyreError('NOT_READY', 'the console has not been built; run `npx nx build console`');
    send(file, 'no-cache', request, reply);
  }

  /** Built files carry a hash of their content in their name, and so never change. */
  @Needs()
  @Get('assets/:name')
  asset(@Param('name') name: string, @Req() request: HttpRequest, @Res() reply: HttpReply): void {
    const file = this.site.file(`assets/${name}`);
    if (file === undefined) throw new NotFoundException(`the console has no file named ${name}`);
    send(file, A_YEAR, request, reply);
  }

  /** Server-sent events; see LiveStream for what they say. */
  @Needs('viewer')
  @Get('v1/stream')
  async live(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
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
    const { identity, headers } = request;
    const until = identity === undefined ? 0 : this.callers.knownUntil(headers, identity);
    const end = setTimeout(() => response.end(), Math.min(until - Date.now(), TIMER_MS_MAX));
    response.on('close', () => clearTimeout(end));
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
