import { cloneJson, isDnsLabel, isDnsSubdomain } from '@keelson/api';
import type { CertificateSigningRequest, CertificateSigningRequestStatus } from '@keelson/api/certificates/v1';
import { certificateRequestProblem } from '@keelson/pki';
import type { Strategy } from '../../registry/strategy.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { certificateProblem } from './certificate-problem.ts';

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const STATUSES = ['False', 'True', 'Unknown'];
/** Conditions that are never taken back. */
const FINAL = ['Approved', 'Denied', 'Failed'];
const DECISIONS = ['Approved', 'Denied'];
const MIN_SECONDS = 600;
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';

type Request = CertificateSigningRequest;

export const signingRequestStrategy: Strategy<Request> = {
  prepareForCreate(request, { user }) {
    request.status = {};
    if (request.spec === undefined) return;
    request.spec.username = user.name;
    request.spec.uid = user.uid;
    request.spec.groups = [...user.groups];
    request.spec.extra = user.extra && Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  },
  prepareForUpdate(request, old) {
    if (old.spec !== undefined) request.spec = cloneJson(old.spec);
  },
  validateCreate: ({ spec }) => Field.collect((root) => checkSpec(spec, root.child('spec'))),
  validateStatusUpdate: (request, old) =>
    Field.collect((at) => {
      checkConditions(request.status, old.status, at.child('status').child('conditions'));
      checkDecisionsKept(request.status, old.status, at.child('status').child('conditions'));
      checkCertificate(request, old, at.child('status').child('certificate'));
    }),
  hasGeneration: false,
  // Any name is good enough.
  nameRule: 'path-segment',
  fieldValues: { 'spec.signerName': (request) => request.spec?.signerName ?? '' },
};

/** Of `/approval`: it may decide, but not issue. */
export function validateApproval(request: Request, old: Readonly<Request>): readonly FieldError[] {
  return Field.collect((at) => checkConditions(request.status, old.status, at.child('status').child('conditions')));
}

function checkSpec(spec: Request['spec'] | undefined, at: Field): void {
  const problem = certificateRequestProblem(Buffer.from(spec?.request ?? '', 'base64').toString('latin1'));
  if (problem !== undefined) at.child('request').invalid(spec?.request ?? null, problem);
  const usages = spec?.usages ?? [];
  if (usages.length === 0) at.child('usages').required();
  checkEach(usages, at, 'usages', (usage, usageAt) => {
    if (!USAGES.includes(usage)) usageAt.notSupported(usage, USAGES);
  });
  const unique = new Unique();
  checkEach(usages, at, 'usages', (usage, usageAt) => {
    if (!unique.add(usage)) usageAt.duplicate(usage);
  });
  const signer = spec?.signerName ?? '';
  if (signer === LEGACY_SIGNER)
    at.child('signerName').invalid(signer, 'the legacy signerName is not allowed via this API version');
  else checkSignerName(signer, at.child('signerName'));
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_SECONDS)
    at.child('expirationSeconds').invalid(seconds, 'may not specify a duration less than 600 seconds (10 minutes)');
}

/** `example.com/signer-name` */
export function checkSignerName(name: string, at: Field): void {
  if (name === '') return at.required();
  const [domain = '', path = '', ...more] = name.split('/');
  if (!name.includes('/') || more.length > 0)
    return at.invalid(name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  const labels = domain.split('.');
  for (const label of labels) {
    for (const message of isDnsLabel(label)) at.invalid(domain, `validating label ${JSON.stringify(label)}: ${message}`);
  }
  if (labels.length < 2) at.invalid(domain, 'should be a domain with at least two segments separated by dots');
  for (const label of path.split('.')) {
    for (const message of isDnsSubdomain(label)) at.invalid(path, `validating label ${JSON.stringify(label)}: ${message}`);
  }
}

type Conditions = NonNullable<CertificateSigningRequestStatus['conditions']>;

function ofType(status: CertificateSigningRequestStatus | undefined, type: string): Conditions {
  return (status?.conditions ?? []).filter((condition) => condition.type === type);
}

function checkConditions(
  status: CertificateSigningRequestStatus | undefined,
  old: CertificateSigningRequestStatus | undefined,
  at: Field,
): void {
  const types = new Unique();
  for (const [position, { type = '', status: value = '' }] of (status?.conditions ?? []).entries()) {
    const conditionAt = at.index(position);
    const statuses = FINAL.includes(type) ? ['True'] : STATUSES;
    if (type === '') conditionAt.child('type').required();
    if (value === '') conditionAt.child('status').required();
    else if (!statuses.includes(value)) conditionAt.child('status').notSupported(value, statuses);
    if (DECISIONS.includes(type) && !types.add('decision') && ofType(status, type).length === 1)
      at.invalid(type, 'Approved and Denied conditions are mutually exclusive');
    if (!types.add(`type ${type}`)) conditionAt.child('type').duplicate(type);
  }
  for (const type of FINAL) {
    if (ofType(status, type).length < ofType(old, type).length)
      at.forbidden(`updates may not remove a condition of type ${JSON.stringify(type)}`);
  }
}

function checkDecisionsKept(
  status: CertificateSigningRequestStatus | undefined,
  old: CertificateSigningRequestStatus | undefined,
  at: Field,
): void {
  for (const type of DECISIONS) {
    const [now, before] = [ofType(status, type), ofType(old, type)];
    if (now.length > before.length) at.forbidden(`updates may not add a condition of type ${JSON.stringify(type)}`);
    else if (now.length === before.length && !sameJson(now, before))
      at.forbidden(`updates may not modify a condition of type ${JSON.stringify(type)}`);
  }
}

function checkCertificate({ status }: Request, { status: old }: Readonly<Request>, at: Field): void {
  const [now, before] = [status?.certificate ?? '', old?.certificate ?? ''];
  if (now === before) return;
  if (before !== '') at.forbidden('updates may not modify existing certificate content');
  const problem = certificateProblem(Buffer.from(now, 'base64').toString('latin1'));
  if (problem !== undefined) at.invalid('<certificate data>', problem);
}
