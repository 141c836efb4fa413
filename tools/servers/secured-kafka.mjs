import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './cache.mjs';
import { freePort } from './child.mjs';
import { startKafka } from './kafka.mjs';
import { missingPrograms } from './processes.mjs';

const MODULES = 'org.apache.kafka.common.security';
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];

/**
 * A broker of the caller's own, as a process, with two doors over TLS: one asks for a name and a password, the other for a client's certificate.
 * It ends with the caller's process. @throws Error where it cannot be had here, saying why
 */
export async function startSecuredKafka(directory, { username, password }) {
  const missing = missingPrograms();
  if (missing.length > 0)
    throw new Error(`no secured Kafka can be started here: ${missing.join(', ')} must be on the PATH`);
  mkdirSync(directory, { recursive: true });
  const server = await certificate(directory, 'server');
  const client = await certificate(directory, 'client');
  const [sasl, ssl] = [await freePort(), await freePort()];
  const scram = SCRAM.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`]);
  const { child } = await startKafka({
    directory,
    deleteWith: directory,
    doors: { SASL_SSL: sasl, SSL: ssl },
    format: scram,
    settings: [
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${server.both}`,
      'listener.name.ssl.ssl.client.auth=required',
      'listener.name.ssl.ssl.truststore.type=PEM',
      `listener.name.ssl.ssl.truststore.location=${client.cert}`,
      `sasl.enabled.mechanisms=PLAIN,${SCRAM.join(',')}`,
      `listener.name.sasl_ssl.plain.sasl.jaas.config=${MODULES}.plain.PlainLoginModule required user_${username}="${password}";`,
      ...SCRAM.map(
        (mechanism) =>
          `listener.name.sasl_ssl.${mechanism.toLowerCase()}.sasl.jaas.config=${MODULES}.scram.ScramLoginModule required;`,
      ),
    ],
  });
  const addresses = { sasl: `127.0.0.1:${sasl}`, certificates: `127.0.0.1:${ssl}` };
  return { ...addresses, files: { ca: server.cert, cert: client.cert, key: client.key }, stop: () => child.kill() };
}

/** Signed by itself, and so its own authority. @returns paths of PEM files: the certificate, its key, and both */
async function certificate(directory, name) {
  const file = (end) => join(directory, `${name}.${end}`).replaceAll('\\', '/');
  const [cert, key, both] = [file('crt'), file('key'), file('pem')];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  await command('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert]);
  writeFileSync(both, `${readFileSync(key, 'utf8')}${readFileSync(cert, 'utf8')}`);
  return { cert, key, both };
}
