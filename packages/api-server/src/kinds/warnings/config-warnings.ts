import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret, ServiceAccount } from '@keelson/api/core/v1';

const MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';

/** Of a certificate and a key that do not belong together. */
export function secretWarnings({ type, data = {} }: Secret): readonly string[] {
  if (type !== 'kubernetes.io/tls') return [];
  const problem = keyPairProblem(textOf(data['tls.crt']), textOf(data['tls.key']));
  return problem === undefined ? [] : [`tls: ${problem}`];
}

function textOf(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('latin1');
}

function keyPairProblem(certificate: string, key: string): string | undefined {
  if (!certificate.includes('-----BEGIN')) return 'failed to find any PEM data in certificate input';
  if (!key.includes('-----BEGIN')) return 'failed to find any PEM data in key input';
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? undefined
      : 'private key does not match public key';
  } catch {
    return 'failed to parse certificate or private key';
  }
}

export function serviceAccountWarnings(
  { metadata }: ServiceAccount,
  old: Readonly<ServiceAccount> | undefined,
): readonly string[] {
  const value = metadata?.annotations?.[MOUNTABLE];
  if (value === undefined || value === old?.metadata?.annotations?.[MOUNTABLE]) return [];
  const instead = 'prefer separate namespaces to isolate access to mounted secrets';
  return [`metadata.annotations[${MOUNTABLE}]: deprecated in v1.32+; ${instead}`];
}
