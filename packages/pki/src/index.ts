export {
  CertificateAuthority,
  createAuthority,
  createSigningKey,
  isIssuedBy,
  loadAuthority,
  namesHosts,
  type CertificateRequest,
  type KeyedCertificate,
} from './certificate-authority.ts';
export { certificateRequestProblem } from './certificate-request.ts';
