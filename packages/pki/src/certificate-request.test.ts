import { expect, it } from 'vitest';
import { certificateRequestProblem, requestedNames } from './certificate-request.ts';
import { requestOf } from './testing/request.ts';

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

it('reads whom a request is for', async () => {
  const names = [
    { type: 'dns', value: 'a.example' },
    { type: 'ip', value: '10.0.0.1' },
    { type: 'email', value: 'a@b.example' },
    { type: 'url', value: 'spiffe://a' },
  ] as const;

  expect(await requestedNames(await requestOf('ECDSA P-256', [...names]))).toEqual({
    commonName: 'alice',
    organizations: ['dev'],
    dnsNames: ['a.example'],
    ipAddresses: ['10.0.0.1'],
    emailAddresses: ['a@b.example'],
    uris: ['spiffe://a'],
  });
  await expect(requestedNames('nonsense')).rejects.toThrow('PEM block type must be CERTIFICATE REQUEST');
});
