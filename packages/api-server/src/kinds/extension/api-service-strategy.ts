import { LOCAL, withAvailability } from '../../aggregation/availability.ts';
import { isDns1035Label, isDnsSubdomain } from '@keelson/api';
import type { APIService, APIServiceSpec } from '@keelson/api/apiregistration/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkPort, checkText } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';

const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;
const STATUSES = ['False', 'True', 'Unknown'];

export const apiServiceStrategy: Strategy<APIService> = {
  statusMetadata: [],
  setDefaults({ spec }) {
    if (spec?.service !== undefined) spec.service.port ??= 443;
  },
  prepareForCreate: (service, { nowMs }) => sayLocal(service, nowMs),
  prepareForUpdate: (service, _old, { nowMs }) => sayLocal(service, nowMs),
  validate: ({ metadata, spec }) =>
    Field.collect((root) => {
      const { group = '', version = '' } = spec ?? {};
      const wanted = `${version}.${group}`;
      if (metadata?.name !== wanted) {
        const name = root.child('metadata').child('name');
        name.invalid(metadata?.name ?? '', `must be \`spec.version+"."+spec.group\`: "${wanted}"`);
      }
      checkSpec(asSent(spec), root.child('spec'));
    }),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      for (const [position, condition] of (status?.conditions ?? []).entries()) {
        const at = root.child('status').child('conditions').index(position).child('status');
        if (!STATUSES.includes(condition.status)) at.notSupported(condition.status, STATUSES);
      }
    }),
  nameRule: 'path-segment',
  allowUnconditionalUpdate: false,
  hasGeneration: false,
};

/** What no other server stands behind is available as soon as it is there. */
function sayLocal(service: APIService, nowMs: number): void {
  if (service.spec?.service === undefined) service.status = withAvailability(service.status ?? {}, LOCAL, nowMs);
}

function checkSpec(spec: Partial<APIServiceSpec>, at: Field): void {
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0, service } = spec;
  if (group !== '') checkText(isDnsSubdomain, group, at.child('group'));
  checkText(isDns1035Label, version, at.child('version'));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > MAX_GROUP_PRIORITY)
    at.child('groupPriorityMinimum').invalid(groupPriorityMinimum, `must be positive and less than ${MAX_GROUP_PRIORITY}`);
  if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY)
    at.child('versionPriority').invalid(versionPriority, `must be positive and less than ${MAX_VERSION_PRIORITY}`);
  if (service === undefined) return checkLocal(spec, at);
  const serviceAt = at.child('service');
  if ((service.namespace ?? '') === '') serviceAt.child('namespace').required();
  if ((service.name ?? '') === '') serviceAt.child('name').required();
  checkPort(service.port ?? 443, serviceAt.child('port'));
  if (spec.insecureSkipTLSVerify === true && (spec.caBundle ?? '') !== '')
    at.child('insecureSkipTLSVerify').invalid(true, 'may not be true if caBundle is present');
}

/** Served by this API server itself: there is no connection to trust. */
function checkLocal({ caBundle = '', insecureSkipTLSVerify }: Partial<APIServiceSpec>, at: Field): void {
  if (caBundle !== '')
    at.child('caBundle').invalid(`${Buffer.from(caBundle, 'base64').length} bytes`, 'local APIServices may not have a caBundle');
  if (insecureSkipTLSVerify === true)
    at.child('insecureSkipTLSVerify').invalid(true, 'local APIServices may not have insecureSkipTLSVerify');
}
