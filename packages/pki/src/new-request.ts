import type { KeyedCertificate, CertificateRequest } from './certificate-authority.ts';
import { exportPrivateKey, generateKeys, loadX509, SIGNING_ALGORITHM } from './internal/x509.ts';

/** A PKCS #10 request and the private key that it is for, both PEM. */
export interface KeyedRequest extends Pick<KeyedCertificate, 'privateKey'> {
  readonly request: string;
}

/** A new key and a request for its certificate, as a CertificateSigningRequest takes it. */
export async function createCertificateRequest(
  names: Omit<CertificateRequest, 'usages' | 'validDays'> & {
    readonly emailAddresses?: readonly string[];
    readonly uris?: readonly string[];
  },
): Promise<KeyedRequest> {
  const x509 = await loadX509();
  const { commonName, organizations = [], dnsNames = [], ipAddresses = [], emailAddresses = [], uris = [] } = names;
  const keys = await generateKeys();
  const alternative = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ...emailAddresses.map((value) => ({ type: 'email' as const, value })),
    ...uris.map((value) => ({ type: 'url' as const, value })),
  ];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }]),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: alternative.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternative)],
  });
  return { request: `${request.toString('pem')}\n`, privateKey: await exportPrivateKey(keys.privateKey) };
}
