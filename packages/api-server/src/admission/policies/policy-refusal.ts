import { forbidden } from '@keelson/api';
import { KeelsonError, type StatusReason } from '@keelson/base';
import type { AdmissionRequest } from '../admission.ts';

const CODES: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413, Invalid: 422 };

/** The refusal of a request, in the words of upstream and with the reason that the policy gives. */
export function policyRefusal(request: AdmissionRequest, message: string, reason = 'Invalid'): KeelsonError {
  const { resource, name, object } = request;
  const { message: text, details } = forbidden(resource, name || (object?.metadata?.generateName ?? ''), message);
  const known: StatusReason =
    reason === 'Unauthorized' || reason === 'Forbidden' || reason === 'RequestEntityTooLarge' ? reason : 'Invalid';
  return new KeelsonError(known, text, {
    code: CODES[known] ?? 422,
    details: { ...details, causes: [{ reason: '', message }] },
  });
}
