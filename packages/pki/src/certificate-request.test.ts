import { expect, it } from 'vitest';
import { certificateRequestProblem } from './certificate-request.ts';
import { loadX509 } from './internal/x509.ts';

const ALGORITHMS = {
  'ECDSA P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ECDSA P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  Ed25519: { name: 'Ed25519' },
} as const;

async function requestOf(algorithm: keyof typeof ALGORITHMS): Promise<string> {
  const x509 = await loadX509();
  const signingAlgorithm = ALGORITHMS[algorithm];
  const keys = await crypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  if (!('privateKey' in keys)) throw new TypeError('Not a pair of keys');
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=alice,O=dev',
    keys,
    signingAlgorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'example.com' }])],
  });
  return request.toString('pem');
}

/** The last byte of a signature is another one. */
function forged(pem: string): string {
  const bytes = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}

it.each(['ECDSA P-256', 'ECDSA P-384', 'RSA', 'Ed25519'] as const)(
  'accepts a request that is signed by %s',
  async (algorithm) => {
    expect(certificateRequestProblem(await requestOf(algorithm))).toBeUndefined();
  },
);

it.each([
  ['ECDSA P-256', 'x509: ECDSA verification failure'],
  ['RSA', 'crypto/rsa: verification error'],
  ['Ed25519', 'x509: Ed25519 verification failure'],
] as const)('refuses one that is not signed by its own key: %s', async (algorithm, want) => {
  expect(certificateRequestProblem(forged(await requestOf(algorithm)))).toBe(want);
});

it.each([
  ['', 'PEM block type must be CERTIFICATE REQUEST'],
  ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', 'PEM block type must be CERTIFICATE REQUEST'],
  [
    '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n',
    'asn1: structure error: malformed certificate request',
  ],
])('refuses what is none', (pem, want) => {
  expect(certificateRequestProblem(pem)).toBe(want);
});
