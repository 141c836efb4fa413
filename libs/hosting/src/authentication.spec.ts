import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { AuthConfig } from './auth.config.js';
import { Authentication, type Credentials } from './authentication.js';
import type { Identity } from './identity.js';
import { IssuerKeys } from './issuer-keys.js';
import { JwtVerifier } from './jwt.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const bearer = (token: string): Credentials => ({ authorization: `Bearer ${token}` });

describe('who calls', () => {
  const config = AuthConfig.parse({
    tokens: [
      { name: 'ops', sha256: sha256('secret') },
      { name: 'shop', sha256: sha256('shop key'), roles: ['predictor:fraud-*,churn'] },
      { name: 'once', sha256: sha256('old'), roles: ['viewer'], expiresAt: '2026-01-01T00:00:00+01:00' },
    ],
    certificates: [
      { name: 'till', subject: 'till.shop.example', roles: ['predictor:fraud-eu'] },
      { name: 'pinned', sha256: 'ab'.repeat(32), roles: ['viewer'] },
    ],
  });
  const authentication = new Authentication(config, null, () => Date.parse('2026-06-01T00:00:00Z'));
  const named = async (credentials: Credentials): Promise<string> => (await authentication.identify(credentials)).name;
  const certificate = (over: object) => ({
    certificate: () => ({ fingerprint256: 'CD:'.repeat(31) + 'CD', subject: {}, ...over }),
  });

  it('is told by a token, as authorization or as x-api-key', async () => {
    expect(await named(bearer('secret'))).toBe('ops');
    expect(await named({ authorization: 'bearer  secret' })).toBe('ops');
    expect(await named({ apiKey: 'shop key' })).toBe('shop');
  });

  it('is told by a certificate, by its subject, a name beside it, or its digest', async () => {
    expect(await named(certificate({ subject: { CN: 'till.shop.example' } }))).toBe('till');
    expect(await named(certificate({ subjectaltname: 'DNS:a.example, DNS:till.shop.example' }))).toBe('till');
    expect(await named(certificate({ fingerprint256: 'AB:'.repeat(31) + 'AB' }))).toBe('pinned');
    expect(await named({ ...bearer('secret'), ...certificate({ subject: { CN: 'till.shop.example' } }) })).toBe('ops');
  });

  it.each<[string, Credentials, RegExp]>([
    ['nothing', {}, /^no token came.*authorization: Bearer.*x-api-key/],
    ['a wrong token', bearer('guessed'), /^the token is not known/],
    ['an empty key', { apiKey: '' }, /^the token is not known/],
    ['a digest', bearer(sha256('secret')), /^the token is not known/],
    ['another scheme', { authorization: 'Basic b3BzOnNlY3JldA==' }, /of another kind; send "authorization: Bearer/],
    ['no token where one should be', { authorization: 'Bearer' }, /^the header authorization brings no token; send/],
    ['an expired token', bearer('old'), /the token of once expired on 2025-12-31T23:00:00/],
    ['a strange certificate', certificate({ subject: { CN: 'evil' } }), /certificate for "evil" is not among/],
    [
      'an e-mail address that reads like a name',
      certificate({ subjectaltname: 'email:DNS:till.shop.example' }),
      /is not among/,
    ],
    [
      'a name within one that is quoted',
      certificate({ subjectaltname: 'DNS:"x, DNS:till.shop.example, y"' }),
      /is not among/,
    ],
    ['a name with a prefix', certificate({ subject: { CN: 'x.till.shop.example' } }), /is not among/],
  ])('is refused with %s, and told what would be right', async (_, credentials, message) => {
    await expect(named(credentials)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(message) as string,
    });
  });

  it('may do what the roles say, for the models they name', async () => {
    const [ops, shop] = [
      await authentication.identify(bearer('secret')),
      await authentication.identify(bearer('shop key')),
    ];
    expect([ops.may('admin'), ops.may('operator', 'any'), ops.may('viewer')]).toEqual([true, true, true]);
    expect(['fraud-eu', 'churn', 'churn-2', 'my-fraud-eu'].map((model) => shop.may('predictor', model))).toEqual([
      ...[true, true, false, false],
    ]);
    expect([shop.may('predictor'), shop.may('viewer'), shop.may('operator', 'churn')]).toEqual([false, false, false]);
    expect(() => shop.require(['predictor'], 'price')).toThrow(
      'shop has only predictor:fraud-*,churn; this call needs predictor or predictor:price',
    );
    const [scoped] = AuthConfig.parse({
      tokens: [{ name: 'a', sha256: sha256('a'), roles: ['operator:churn'] }],
    }).tokens;
    const operator = await new Authentication(
      AuthConfig.parse({ tokens: [{ ...scoped, roles: ['operator:churn'] }] }),
    ).identify(bearer('a'));
    expect([operator.may('viewer'), operator.may('operator', 'churn'), operator.may('predictor', 'churn')]).toEqual([
      ...[true, true, true],
    ]);
    expect([
      operator.may('operator'),
      operator.may('operator', 'fraud'),
      operator.may('producer'),
      operator.may('admin', 'churn'),
    ]).toEqual([...[false, false, false, false]]);
  });

  it.each<[object, RegExp]>([
    [
      { tokens: [{ name: 'a', sha256: sha256('a'), roles: ['root'] }] },
      /root.* is no role; expected viewer, predictor/,
    ],
    [{ tokens: [{ name: 'a', sha256: sha256('a'), roles: ['viewer:churn'] }] }, /viewer is always for all models/],
    [{ tokens: [1, 2].map(() => ({ name: 'a', sha256: sha256('a') })) }, /is that of tokens\.0 already/],
    [{ certificates: [{ name: 'a', roles: [] }] }, /needs one of subject and sha256/],
    [{ jwt: { issuer: 'http://login.example', audience: 'gyre' } }, /must begin with https/],
    [{ jwt: { issuer: 'https://login.example', audience: 'gyre', algorithms: ['HS256'] } }, /RS256/],
    [{ jwt: { issuer: 'https://login.example' } }, /audience/],
    [{ sessionSecret: 'short' }, /at least 32/],
  ])('cannot be configured wrongly: %#', (auth, message) => {
    expect(() => AuthConfig.parse(auth)).toThrow(message);
  });
});

describe('a signed token', () => {
  let issuer: string;
  let server: Server;
  let served: { keys: JWK[] };
  let away: boolean;
  let asked: number;
  let now: number;
  let key: CryptoKey;
  let authentication: Authentication;
  const warned: string[] = [];

  const newKey = async (kid: string): Promise<[CryptoKey, JWK]> => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    return [privateKey, { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }];
  };
  const token = (
    claims: object = {},
    { by = key, kid = 'one', ageSeconds = 0, audience = 'gyre', from = issuer } = {},
  ): Promise<string> => {
    const issuedAt = Math.floor(now / 1_000) - ageSeconds;
    return new SignJWT({ gyre_roles: ['predictor:churn'], ...claims })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer(from)
      .setAudience(audience)
      .setSubject('ana')
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + 300)
      .sign(by);
  };
  const identify = async (jwt: string): Promise<Identity> => authentication.identify(bearer(jwt));
  const start = (over: object = {}): void => {
    const config = AuthConfig.parse({ jwt: { issuer, audience: ['gyre', 'mlops'], ...over } });
    const log = { warn: (message: string) => void warned.push(message), info: () => undefined };
    if (config.jwt === undefined) throw new Error('no issuer');
    const keys = new IssuerKeys(config.jwt, log, () => now);
    authentication = new Authentication(config, new JwtVerifier(config.jwt, keys, () => now), () => now);
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked += 1;
      if (away) return void response.writeHead(503).end();
      const answer =
        request.url === '/.well-known/openid-configuration' ? { issuer, jwks_uri: `${issuer}/keys` } : served;
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  beforeEach(async () => {
    const [privateKey, jwk] = await newKey('one');
    [key, served, away, asked, now] = [privateKey, { keys: [jwk] }, false, 0, Date.now()];
    warned.length = 0;
    start();
  });

  it('tells name and roles, by keys that discovery finds once', async () => {
    const ana = await identify(await token());
    expect([ana.name, ana.roles]).toEqual(['ana', ['predictor:churn']]);
    expect((await identify(await token({}, { audience: 'mlops' }))).name).toBe('ana');
    expect(asked).toBe(2);
    expect((await identify(await token({ gyre_roles: 'viewer nonsense predictor' }))).roles).toEqual([
      'viewer',
      'predictor',
    ]);
    expect((await identify(await token({ gyre_roles: { admin: true } }))).roles).toEqual([]);
  });

  it('takes names and roles from the claims that are configured, and only what they stand for', async () => {
    start({ nameClaim: 'email', rolesClaim: 'realm_access.roles', grants: { mlops: ['operator'] } });
    const claims = { email: 'ana@example.org', realm_access: { roles: ['mlops', 'admin'] } };
    const ana = await identify(await token(claims));
    expect([ana.name, ana.roles]).toEqual(['ana@example.org', ['operator']]);
    await expect(identify(await token())).rejects.toThrow('the token has no claim email that names the caller');
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['that is for others', () => token({}, { audience: 'shop' }), /another audience; expected gyre or mlops/],
    ['of another issuer', () => token({}, { from: 'https://evil.example' }), /of another issuer; expected http/],
    ['that expired', () => token({}, { ageSeconds: 331 }), /expired at .*get a new one from/],
    ['of the future', () => token({ nbf: Math.floor(now / 1_000) + 60 }), /not valid yet; are the clocks right/],
    ['by a key of somebody else', async () => token({}, { by: (await newKey('one'))[0] }), /signature is by no key of/],
    ['by a key that is not there', async () => token({}, { kid: 'two' }), /signature is by no key of/],
    ['that was changed', async () => (await token()).replace(/\.\w{4}/, '.AAAA'), /token/],
    [
      'without a signature',
      () =>
        Promise.resolve(
          `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'ana', iss: issuer, aud: 'gyre' })).toString('base64url')}.x`,
        ),
      /an algorithm that does not count; expected RS256/,
    ],
    [
      'signed with the public key as a secret',
      () =>
        new SignJWT({})
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .setExpirationTime('5m')
          .sign(Buffer.from(JSON.stringify(served.keys[0]))),
      /an algorithm that does not count/,
    ],
    [
      'without an end',
      () =>
        new SignJWT({})
          .setProtectedHeader({ alg: 'ES256', kid: 'one' })
          .setIssuer(issuer)
          .setAudience('gyre')
          .setSubject('ana')
          .sign(key),
      /claim exp is missing/,
    ],
  ])('%s is refused', async (_, made, message) => {
    await expect(identify(await made())).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(message) as string,
    });
  });

  it('may be a little too old or too new: clocks differ', async () => {
    expect((await identify(await token({}, { ageSeconds: 320 }))).name).toBe('ana');
    expect((await identify(await token({ nbf: Math.floor(now / 1_000) + 20 }))).name).toBe('ana');
  });

  it('is checked again when it has expired, however well it was known', async () => {
    const jwt = await token();
    await identify(jwt);
    now += 331_000;
    await expect(identify(jwt)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('by a new key is taken as soon as the issuer has it; one by a key that was withdrawn soon counts no more', async () => {
    const old = await token();
    await identify(old);
    const [next, jwk] = await newKey('two');
    served = { keys: [jwk] };
    now += 11_000;
    expect((await identify(await token({}, { by: next, kid: 'two' }))).name).toBe('ana');
    now += 61_000;
    await expect(identify(old)).rejects.toThrow(/signature is by no key/);
  });

  it('does not make Gyre ask the issuer more than now and then', async () => {
    await identify(await token());
    const before = asked;
    for (let i = 0; i < 20; i++)
      await expect(identify(await token({ i }, { kid: `made-up-${i}` }))).rejects.toThrow(/no key/);
    expect(asked).toBe(before);
  });

  it('counts while the issuer is away, if its keys were had before; else the caller is told to come again', async () => {
    await identify(await token());
    away = true;
    now += 3_600_000;
    expect((await identify(await token())).name).toBe('ana');
    expect((await identify(await token())).name).toBe('ana');
    start();
    await expect(identify(await token())).rejects.toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      message: /cannot be asked for its keys now; try again/,
    });
    expect(warned.at(-1)).toMatch(/cannot be had from where its discovery says: .*503/);
    away = false;
    expect((await identify(await token())).name).toBe('ana');
  });
});
