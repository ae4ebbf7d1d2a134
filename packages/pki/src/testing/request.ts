import type { JsonGeneralNames } from '@peculiar/x509';
import { loadX509 } from '../internal/x509.ts';

const ALGORITHMS = {
  'ECDSA P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ECDSA P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  Ed25519: { name: 'Ed25519' },
} as const;

/** A PKCS #10 request (PEM) of `CN=alice,O=dev` with a new key. */
export async function requestOf(algorithm: keyof typeof ALGORITHMS, names: JsonGeneralNames = []): Promise<string> {
  const x509 = await loadX509();
  const signingAlgorithm = ALGORITHMS[algorithm];
  const keys = await crypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  if (!('privateKey' in keys)) throw new TypeError('Not a pair of keys');
  const extensions = [new x509.SubjectAlternativeNameExtension(names)];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=alice,O=dev',
    keys,
    signingAlgorithm,
    extensions,
  });
  return request.toString('pem');
}
