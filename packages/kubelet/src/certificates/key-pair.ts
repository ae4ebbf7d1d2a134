import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeelsonError } from '@keelson/base';

/** A certificate (maybe with those of its issuers behind it) and its private key, PEM, and how long it holds. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Throws `BadRequest` if they do not belong together, or are none. */
export function keyPair(certificate: string, privateKey: string): KeyPair {
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(privateKey))) throw new Error('the certificate is for another key');
    const { validFrom, validTo } = parsed;
    return { certificate, privateKey, notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KeelsonError('BadRequest', `No certificate with its key: ${why}`, { cause });
  }
}

/** One file with the certificate and then the key, as kubelets keep it. `undefined` if there is none, or none that is whole. */
export async function loadKeyPair(file: string): Promise<KeyPair | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const keyAt = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  if (keyAt < 0) return undefined;
  try {
    return keyPair(text.slice(0, keyAt), text.slice(keyAt));
  } catch {
    return undefined; // It was cut off, say. A new one is asked for.
  }
}

/** A crash leaves the old one, or the new one. Nobody but the owner may read it. */
export async function saveKeyPair(file: string, { certificate, privateKey }: KeyPair): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.new`;
  await writeFile(next, `${certificate.trimEnd()}\n${privateKey.trimEnd()}\n`, { mode: 0o600 });
  await chmod(next, 0o600); // One that was left behind keeps its mode.
  await rename(next, file);
}
