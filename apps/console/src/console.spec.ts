import { createConnection } from 'node:net';
import { Config, createLogger, host, HOSTING_SECTIONS, type Host } from '@gyre/hosting';
import { topics, type Lifecycle } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { ConsoleModule } from './console.module.js';
import { LiveStream, type Listener } from './live-stream.js';

const command = (model: string, occurredAt: number): Lifecycle => ({
  type: 'RetrainCommanded',
  model,
  occurredAt,
  actor: 'ana',
  reason: 'by hand',
});

let platform: EmbeddedPlatform;

/** A listener that keeps what it was told. */
class Ear implements Listener {
  heard = '';
  unsent = 0;
  state: 'open' | 'ended' | 'cut' = 'open';
  write(text: string): void {
    this.heard += text;
  }
  buffered(): number {
    return this.unsent;
  }
  end(): void {
    this.state = 'ended';
  }
  cut(): void {
    this.state = 'cut';
  }
  /** `lifecycle 2`: the events so far, with the time of each decision. */
  get events(): string[] {
    return [...this.heard.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) => {
      const said = JSON.parse(data as string) as string | { occurredAt: number };
      return `${name} ${typeof said === 'string' ? said : said.occurredAt}`;
    });
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5_000) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeEach(() => {
  platform = EmbeddedPlatform.inMemory();
});

describe('the site, over HTTP', () => {
  let running: Host;
  beforeEach(async () => {
    const config = Config.load({ known: HOSTING_SECTIONS, overrides: { http: { port: 0 }, grpc: { port: 0 } } });
    running = await host([{ name: 'console', module: ConsoleModule }], platform, config, createLogger('silent'));
  });
  afterEach(() => running.stop());

  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${running.httpUrl}${path}`, { headers });

  /** As it is written: fetch would tidy the path up. */
  const getAsWritten = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(running.httpUrl);
      let text = '';
      const socket = createConnection(Number(port), hostname, () =>
        socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
      );
      socket.on('data', (bytes) => (text += bytes.toString()));
      socket.on('end', () => resolve(text)).on('error', reject);
    });

  it('gives the page for / and for every model, to be asked for again each time', async () => {
    for (const path of ['/', '/models/churn', '/models/churn/versions']) {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const again = await get(path, { 'if-none-match': response.headers.get('etag') as string });
      expect(again.status).toBe(304);
    }
  });

  it('lets nothing run in the page but its own files, and nobody frame it', async () => {
    const response = await get('/');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const page = await response.text();
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    expect(page).not.toMatch(/(src|href)="(https?:|\/\/|data:)/);
  });

  it('gives the files that the page names for ever, with their types, packed where asked', async () => {
    const page = await (await get('/')).text();
    const named = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(named.map((path) => path.split('.').at(-1)).sort()).toEqual(['css', 'js', 'svg']);
    for (const path of named) {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('content-type')).toMatch(
        path.endsWith('.js') ? /^text\/javascript/ : path.endsWith('.css') ? /^text\/css/ : /^image\/svg/,
      );
      expect(
        Number((await get(path, { 'accept-encoding': 'identity' })).headers.get('content-length')),
      ).toBeGreaterThan(0);
    }
    const script = named.find((path) => path.endsWith('.js')) as string;
    expect((await get(script, { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBe('gzip');
  });

  it.each([
    '/assets/../../package.json',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/site.js',
    '/assets/..%5c..%5csite.js',
    '/assets/%00',
    '/assets/__proto__',
    '/site.js',
  ])('gives nothing for %s', async (path) => {
    const answer = await getAsWritten(path);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain('@gyre/console');
  });

  it('streams the decisions made after the connection began, and ends when the process stops', async () => {
    await platform.append(topics.lifecycle, [command('churn', 1)]);
    await platform.settled();
    const response = await get('/v1/stream');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const ear = new Ear();
    const ended = (async () => {
      for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>)
        ear.write(new TextDecoder().decode(bytes));
    })();
    await platform.append(topics.lifecycle, [command('churn', 2), command('fraud', 3)]);
    await until(() => ear.events.length === 2);
    expect(ear.events.sort()).toEqual(['lifecycle 2', 'lifecycle 3']);
    await running.stop();
    await ended;
  });
});

describe('the live stream', () => {
  let stream: LiveStream;
  const opened = async (options: ConstructorParameters<typeof LiveStream>[1] = {}) => {
    stream = new LiveStream(() => ['churn'], { performanceEveryMs: 60_000, heartbeatEveryMs: 60_000, ...options });
    stream.open(platform);
    await stream.admit();
  };
  const join = (): [Ear, () => void] => {
    const ear = new Ear();
    return [ear, stream.join(ear)];
  };
  const told = async (...events: Lifecycle[]) => {
    await platform.append(topics.lifecycle, events);
    await platform.settled();
  };
  afterEach(async () => {
    await stream.stop();
    await platform.close();
  });

  it('says nothing of the past', async () => {
    await platform.append(topics.lifecycle, [command('churn', 1)]);
    await opened();
    const [ear] = join();
    await told(command('churn', 2));
    expect(ear.events).toEqual(['lifecycle 2', 'performance churn']);
  });

  it('hints at moved numbers at most once in a while, and never at those of what is no model', async () => {
    await opened();
    const [ear] = join();
    await told(command('churn', 1), command('churn', 2), command('market', 3));
    expect(ear.events.filter((event) => event.startsWith('performance'))).toEqual(['performance churn']);
  });

  it('hints and gives signs of life by the clock while anyone listens', async () => {
    await opened({ performanceEveryMs: 10, performanceAtMostEveryMs: 1, heartbeatEveryMs: 10 });
    const [ear, leave] = join();
    await until(() => ear.events.includes('performance churn') && ear.heard.includes(': alive'));
    leave();
    const then = ear.heard;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(ear.heard).toBe(then);
    expect(stream.clients).toBe(0);
  });

  it('cuts off who is too slow before a decision is lost, and nobody else', async () => {
    await opened({ bufferedBytesMax: 1_000 });
    const [slow] = join();
    const [quick] = join();
    slow.unsent = 2_000;
    await told(command('churn', 1));
    expect([slow.state, slow.events]).toEqual(['cut', []]);
    expect([quick.state, quick.events[0]]).toEqual(['open', 'lifecycle 1']);
    expect(stream.clients).toBe(1);
  });

  it('takes only so many', async () => {
    await opened({ listenersMax: 1 });
    join();
    await expect(stream.admit()).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('ends every connection when it stops', async () => {
    await opened();
    const [ear] = join();
    await stream.stop();
    expect(ear.state).toBe('ended');
  });
});
