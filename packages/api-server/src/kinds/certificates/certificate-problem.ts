import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN ([^-]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** What keeps `pem` from being a chain of certificates; nothing at all is fine. */
export function certificateProblem(pem: string): string | undefined {
  if (pem === '') return undefined;
  const blocks = [...pem.matchAll(BLOCK)];
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const [block, type, body = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (body.includes(':')) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(block);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}
