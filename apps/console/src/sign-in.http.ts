import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { GyreError, type Session } from '@gyre/contracts';
import {
  Callers,
  cameOverTls,
  Identity,
  Needs,
  Open,
  sessionIn,
  type HttpReply,
  type HttpRequest,
} from '@gyre/hosting';
import { SECURITY_HEADERS } from './security-headers.js';
import { bouncePage, SIGN_IN_POLICY, signInPage } from './sign-in-page.js';

const FORM = 'application/x-www-form-urlencoded';

/** Sends a browser to the page that asks for a token. */
export function askToSignIn({ headers, url }: HttpRequest, reply: HttpReply): void {
  const site = headers['sec-fetch-site'];
  // Who follows a link of another site has the session kept from us by the browser, as it must: on the way from a page of ours it is sent.
  if (sessionIn(headers) === undefined && (site === 'cross-site' || site === 'same-site'))
    return sendPage(reply, 200, bouncePage(url));
  reply.status(303).header('location', signInPath(url)).header('cache-control', 'no-store').send('');
}

/**
 * The console's session: who shows a token once need not show it with every call. What the browser keeps is sealed, no script can read it, and no page of
 * another site makes the browser send it.
 */
@Controller()
export class SignInController {
  constructor(@Inject(Callers) private readonly callers: Callers) {}

  @Open()
  @Get('sign-in')
  page(@Req() request: HttpRequest, @Res() reply: HttpReply, @Query('to') to?: string): void {
    if (request.identity === undefined) return sendPage(reply, 200, signInPage(ownPath(to), null));
    reply.status(303).header('location', ownPath(to)).send('');
  }

  /** From the page's form, or as JSON: `{ "token": "…" }`. */
  @Open()
  @Post('v1/session')
  async begin(@Body() body: Buffer | undefined, @Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const fromForm = (request.headers['content-type'] ?? '').startsWith(FORM);
    const { token, to } = fromForm ? formOf(body) : jsonOf(body);
    const secure = cameOverTls(request);
    let cookie: string;
    try {
      if (!this.callers.required)
        throw new GyreError('BAD_REQUEST', 'callers are not authenticated here; there is nothing to sign in to');
      cookie = await this.callers.signIn(token.trim(), secure);
    } catch (error) {
      if (!fromForm || !(error instanceof GyreError)) throw error;
      return sendPage(reply, 401, signInPage(ownPath(to), `That did not work: ${error.message}`));
    }
    reply.header('set-cookie', cookie).header('cache-control', 'no-store');
    if (fromForm) reply.status(303).header('location', ownPath(to)).send('');
    else reply.status(204).send('');
  }

  @Needs()
  @Get('v1/session')
  session(@Req() { identity = Identity.LOCAL, headers }: HttpRequest): Session {
    const until = this.callers.knownUntil(headers, identity);
    return {
      name: identity.name,
      roles: identity.roles,
      signedIn: sessionIn(headers) !== undefined && headers['authorization'] === undefined,
      expiresAt: until === Infinity ? null : until,
    };
  }

  @Open()
  @Delete('v1/session')
  @HttpCode(204)
  end(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    reply.header('set-cookie', this.callers.signOut(request.headers)).status(204).send('');
  }
}

/** @throws GyreError BAD_REQUEST */
function jsonOf(body: Buffer | undefined): { token: string; to: string } {
  try {
    const { token } = JSON.parse(body?.toString('utf8') ?? '') as { token?: unknown };
    if (typeof token === 'string') return { token, to: '/' };
  } catch {
    // Said below.
  }
  throw new GyreError('BAD_REQUEST', 'expected {"token": "…"}, or the form of /sign-in');
}

function formOf(body: Buffer | undefined): { token: string; to: string } {
  const form = new URLSearchParams(body?.toString('utf8'));
  return { token: form.get('token') ?? '', to: form.get('to') ?? '/' };
}

function signInPath(to: string): string {
  return to === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(to)}`;
}

/** A path of this server alone: `//host` and `/\host` lead elsewhere. */
function ownPath(to = '/'): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(to) && !to.includes('\\') ? to : '/';
}

function sendPage(reply: HttpReply, status: number, page: string): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) reply.header(name, value);
  // Under no-referrer the browser would hide from us that the form is ours.
  reply
    .header('content-security-policy', SIGN_IN_POLICY)
    .header('referrer-policy', 'same-origin')
    .header('cache-control', 'no-store')
    .header('content-type', 'text/html; charset=utf-8')
    .status(status)
    .send(page);
}
