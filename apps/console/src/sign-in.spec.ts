import { createHash } from 'node:crypto';
import { Config, createLogger, host, HOSTING_SECTIONS, type Host } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { ConsoleModule } from './console.module.js';

const TOKEN = 'correct horse battery staple';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** As a browser does: keeps cookies, says where a page is from, and does not follow by itself. */
class Browser {
  readonly cookies = new Map<string, string>();
  lastCookie = '';
  constructor(readonly url: string) {}

  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = {
      'sec-fetch-site': 'same-origin',
      ...(init.headers as object),
      ...(cookie === '' ? {} : { cookie }),
    };
    const response = await fetch(`${this.url}${path}`, { ...init, headers, redirect: 'manual' });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
      this.lastCookie = set;
    }
    return response;
  }

  signIn(token: string, to = '/', headers: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({ token, to }).toString();
    return this.ask('/v1/session', { method: 'POST', body, headers: { ...FORM, origin: this.url, ...headers } });
  }
}

describe('signing in to the console', () => {
  let running: Host;
  let browser: Browser;

  const start = async (auth: object): Promise<Host> => {
    const config = Config.load({
      known: HOSTING_SECTIONS,
      overrides: { http: { port: 0 }, grpc: { port: 0 }, auth: { ...auth } },
    });
    return host(
      [{ name: 'console', module: ConsoleModule }],
      EmbeddedPlatform.inMemory(),
      config,
      createLogger('silent'),
    );
  };
  const tokens = [{ name: 'ops', sha256: createHash('sha256').update(TOKEN).digest('hex'), roles: ['operator'] }];
  const begin = async (auth: object = { tokens }): Promise<void> => {
    running = await start(auth);
    browser = new Browser(running.httpUrl);
  };
  afterEach(() => running.stop());

  it('is asked of whoever has not, and leads back to the page that was wanted', async () => {
    await begin();
    const refused = await browser.ask('/models/churn');
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/sign-in?to=%2Fmodels%2Fchurn']);
    const page = await browser.ask('/sign-in?to=%2Fmodels%2Fchurn');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toMatch(
      /default-src 'none'; style-src 'sha256-[^']+'.*form-action 'self'.*frame-ancestors 'none'/,
    );
    // Under no-referrer browsers send the origin null with the form.
    expect(page.headers.get('referrer-policy')).toBe('same-origin');
    expect(await page.text()).toMatch(/<input type="hidden" name="to" value="\/models\/churn">[^]*type="password"/);
    const signedIn = await browser.signIn(TOKEN, '/models/churn');
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/models/churn']);
    expect((await browser.ask('/models/churn')).status).toBe(200);
  });

  it('is kept where no script reads it and no other site uses it, and tells nothing', async () => {
    await begin();
    await browser.signIn(TOKEN);
    expect(browser.lastCookie).toMatch(/^gyre-session=[\w-]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    expect(Buffer.from(browser.cookies.get('gyre-session') ?? '', 'base64url').toString('latin1')).not.toContain(
      'horse',
    );
    const hours = (Date.parse(/Expires=([^;]+)/.exec(browser.lastCookie)?.[1] ?? '') - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(11.9);
    expect(hours).toBeLessThan(12.1);
  });

  it('behind TLS comes and goes over TLS alone', async () => {
    await begin();
    const secure = await browser.signIn(TOKEN, '/', { origin: browser.url.replace('http:', 'https:') });
    expect(secure.headers.get('set-cookie')).toMatch(
      /^__Host-gyre-session=[\w-]+; Path=\/;.*HttpOnly; SameSite=Strict; Secure$/,
    );
    expect((await browser.ask('/v1/lag')).status).toBe(200);
  });

  it('serves all calls and the live stream, under the name of the token', async () => {
    await begin();
    await browser.signIn(TOKEN);
    expect(await (await browser.ask('/v1/session')).json()).toMatchObject({
      name: 'ops',
      roles: ['operator'],
      signedIn: true,
    });
    expect((await browser.ask('/v1/lag')).status).toBe(200);
    const leaving = new AbortController();
    const stream = await browser.ask('/v1/stream', { signal: leaving.signal });
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    leaving.abort();
    const refused = await browser.ask('/v1/settle', { method: 'POST' });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { code: 'PERMISSION_DENIED', message: 'ops has only operator; this call needs admin' },
    });
  });

  it('ends with signing out, also for who has kept the cookie', async () => {
    await begin();
    await browser.signIn(TOKEN);
    const kept = new Map(browser.cookies);
    expect((await browser.ask('/v1/session', { method: 'DELETE' })).status).toBe(204);
    expect(browser.cookies.size).toBe(0);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    expect((await browser.ask('/v1/lag')).status).toBe(401);
  });

  it('ends by itself, the live stream with it', async () => {
    await begin({ tokens, sessionHours: 1 / 3_600 });
    await browser.signIn(TOKEN);
    const stream = await browser.ask('/v1/stream');
    expect(stream.status).toBe(200);
    await stream.text();
    expect((await browser.ask('/v1/lag')).status).toBe(401);
  });

  it('with a wrong token says so, and keeps nothing', async () => {
    await begin();
    const answer = await browser.signIn('<b>guessed', '/"><script>');
    expect(answer.status).toBe(401);
    const page = await answer.text();
    expect(page).toMatch(/role="alert">That did not work: the token is not known/);
    expect(page).not.toMatch(/<b>|<script|name="to" value="[^/]/);
    expect(browser.cookies.size).toBe(0);
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/a\nb', 'javascript:alert(1)'])(
    'leads nowhere else: %j',
    async (to) => {
      await begin();
      expect((await browser.signIn(TOKEN, to)).headers.get('location')).toBe('/');
    },
  );

  it('is not done by a page of another site, nor is anything else in the name of who has', async () => {
    await begin();
    for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }])
      expect((await browser.signIn(TOKEN, '/', headers)).status).toBe(403);
    await browser.signIn(TOKEN);
    const headers = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await browser.ask('/v1/session', { method: 'DELETE', headers })).status).toBe(403);
    expect((await browser.ask('/v1/lag')).status).toBe(200);
  });

  it('is not asked again of who follows a link from elsewhere: the page goes on by itself, and then the browser shows the session', async () => {
    await begin();
    const answer = await browser.ask('/models/churn', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('<meta http-equiv="refresh" content="0; url=/models/churn">');
  });

  it('of one process is taken by another with the same secret, and by no other', async () => {
    const sessionSecret = 'a secret of at least thirty-two characters';
    await begin({ tokens, sessionSecret });
    await browser.signIn(TOKEN);
    for (const [auth, status] of [
      [{ tokens, sessionSecret }, 200],
      [{ tokens }, 401],
      [{ tokens: [{ ...tokens[0], sha256: '0'.repeat(64) }], sessionSecret }, 401],
    ] as const) {
      const other = await start(auth);
      const there = new Browser(other.httpUrl);
      for (const [name, value] of browser.cookies) there.cookies.set(name, value);
      const answer = await there.ask('/v1/lag');
      await other.stop();
      expect(answer.status).toBe(status);
    }
  });

  it('is not needed where nobody is asked who they are', async () => {
    await begin({});
    expect((await browser.ask('/')).status).toBe(200);
    expect(await (await browser.ask('/v1/session')).json()).toMatchObject({ name: 'local user', signedIn: false });
  });
});
