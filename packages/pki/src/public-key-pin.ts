import { createHash, X509Certificate } from 'node:crypto';
import { KeelsonError } from '@keelson/base';

/** `sha256:HEX` of a certificate's public key (RFC 7469), by which others can be told whom to trust. `BadRequest` if `certificate` is no PEM. */
export function publicKeyPin(certificate: string): string {
  try {
    const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
    return `sha256:${createHash('sha256').update(key).digest('hex')}`;
  } catch (cause) {
    throw new KeelsonError('BadRequest', 'Cannot hash the public key of a certificate that is not valid PEM', { cause });
  }
}

/** All certificates of a text, one after the other; what is between them does not count. */
export function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
