export {
  CertificateAuthority,
  createAuthority,
  createSigningKey,
  isIssuedBy,
  loadAuthority,
  namesHosts,
  type CertificateRequest,
  type KeyedCertificate,
  type SigningOptions,
} from './certificate-authority.ts';
export { certificateRequestProblem, requestedNames, type RequestedNames } from './certificate-request.ts';
export { createCertificateRequest, type KeyedRequest } from './new-request.ts';
export { certificatesIn, publicKeyPin } from './public-key-pin.ts';
