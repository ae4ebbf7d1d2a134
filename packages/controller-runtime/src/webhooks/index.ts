export {
  mutating,
  validating,
  type AdmissionCall,
  type AdmissionWebhook,
  type AdmissionWebhookOptions,
  type Operation,
} from './admission.ts';
export { ManagedCertificates, type CertificatesOptions, type ServingCertificate } from './certificates.ts';
export { defineConversion, type Conversion, type ConversionOptions, type Spoke } from './conversion.ts';
export { registerWebhooks, webhookConfigurations, type Registration, type WebhookAddress } from './registration.ts';
export { WebhookServer, type WebhookServerOptions } from './webhook-server.ts';
