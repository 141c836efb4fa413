import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { GyreError } from '@gyre/contracts';
import { z } from 'zod';
import type { Logger } from './logger.js';

const PemFile = z.string().min(1);
export const ListenerTls = z
  .strictObject({
    /** PEM: the certificate, with those between it and its authority after it. */
    certFile: PemFile,
    keyFile: PemFile,
    /** PEM: the authorities of clients' certificates. */
    caFile: PemFile.optional(),
    clientCertificates: z.enum(['none', 'optional', 'required']).default('none'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  })
  .refine(({ caFile, clientCertificates }) => (clientCertificates === 'none') === (caFile === undefined), {
    path: ['clientCertificates'],
    error: 'client certificates are asked for where caFile says who vouches for them; set both or neither',
  });
export type ListenerTls = z.infer<typeof ListenerTls>;

/** How a client of a TLS server knows it, and shows who it is. */
export const ClientTls = z
  .strictObject({
    /** PEM: the authorities of servers' certificates; without, those that Node brings. */
    caFile: PemFile.optional(),
    certFile: PemFile.optional(),
    keyFile: PemFile.optional(),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    path: ['keyFile'],
    error: 'certFile and keyFile belong together; set both or neither',
  });
export type ClientTls = z.infer<typeof ClientTls>;

/** @throws GyreError CONFIG_INVALID for a file that cannot be read */
export function clientTlsOptions(tls: ClientTls, where: string): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const { caFile, certFile, keyFile } = tls;
  return {
    ...(caFile === undefined ? {} : { ca: pem(caFile, `${where}.caFile`) }),
    ...(certFile === undefined ? {} : { cert: pem(certFile, `${where}.certFile`) }),
    ...(keyFile === undefined ? {} : { key: pem(keyFile, `${where}.keyFile`) }),
  };
}

/** What Node's servers take. @throws GyreError CONFIG_INVALID for a file that cannot be read */
export function serverTlsOptions(tls: ListenerTls, where: string): TlsOptions & { cert: Buffer; key: Buffer } {
  const { clientCertificates: clients } = tls;
  return { ...contextOf(tls, where), requestCert: clients !== 'none', rejectUnauthorized: clients === 'required' };
}

function contextOf(tls: ListenerTls, where: string): SecureContextOptions & { cert: Buffer; key: Buffer } {
  const { certFile, keyFile, caFile, minVersion } = tls;
  return {
    cert: pem(certFile, `${where}.certFile`),
    key: pem(keyFile, `${where}.keyFile`),
    ...(caFile === undefined ? {} : { ca: pem(caFile, `${where}.caFile`) }),
    minVersion,
  };
}

/**
 * Gives a server its new certificate when the files change, as those that are renewed every few weeks do; connections that are open keep theirs.
 * @param servers asked at each change
 * @returns ends it
 */
export function renewCertificates(
  tls: ListenerTls,
  where: string,
  servers: readonly { setSecureContext(options: SecureContextOptions): void }[],
  log: Logger,
  everyMs = 5_000,
): () => void {
  const renew = (): void => {
    try {
      const context = contextOf(tls, where);
      for (const server of servers) server.setSecureContext(context);
      log.info('the certificate was read anew', { section: where });
    } catch (error) {
      // Such as between the writing of the certificate and that of its key.
      log.warn(`the new certificate cannot be used; the old one stays: ${(error as Error).message}`, {
        section: where,
      });
    }
  };
  const files = [tls.certFile, tls.keyFile, tls.caFile].filter((file) => file !== undefined);
  for (const file of files) watchFile(file, { interval: everyMs, persistent: false }, renew);
  return () => {
    for (const file of files) unwatchFile(file, renew);
  };
}

function pem(file: string, where: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new GyreError('CONFIG_INVALID', `${where}: cannot read ${file}: ${(error as Error).message}`);
  }
}
