import type { Event, LimitRange, LimitRangeItem, ResourceQuota } from '@keelson/api/core/v1';
import type { Lease } from '@keelson/api/coordination/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkNonNegative } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkNonNegativeQuantity, checkResourceAmount, checkResourceName, quantityOf } from '../../validation/quantities.ts';

export const leaseStrategy: Strategy<Lease> = {
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
        at.child('leaseDurationSeconds').invalid(spec.leaseDurationSeconds, 'must be greater than 0');
      }
      checkNonNegative(spec?.leaseTransitions, at, 'leaseTransitions');
      if ((spec?.preferredHolder ?? '') !== '' && (spec?.strategy ?? '') === '') {
        at.child('preferredHolder').forbidden('may only be specified if `strategy` is defined');
      }
    }),
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  hasGeneration: false,
};

const MAX_NOTE = 1024;
const MAX_REASON = 128;
const EVENT_TYPES = ['Normal', 'Warning'];

/** Events of both groups: they are kept in the shape of the core group. */
export const eventStrategy: Strategy<Event> = {
  validate: (event) => Field.collect((at) => checkEvent(event, at)),
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  hasGeneration: false,
  fieldValues: {
    'involvedObject.kind': (event) => event.involvedObject?.kind ?? '',
    'involvedObject.namespace': (event) => event.involvedObject?.namespace ?? '',
    'involvedObject.name': (event) => event.involvedObject?.name ?? '',
    'involvedObject.uid': (event) => event.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (event) => event.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (event) => event.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (event) => event.involvedObject?.fieldPath ?? '',
    reason: (event) => event.reason ?? '',
    reportingComponent: (event) => event.reportingComponent ?? '',
    source: (event) => event.source?.component || (event.reportingComponent ?? ''),
    type: (event) => event.type ?? '',
  },
};

function checkEvent(event: Event, at: Field): void {
  const { involvedObject = {}, metadata = {} } = asSent(event);
  const namespace = involvedObject.namespace ?? '';
  if (namespace === '') {
    if (metadata.namespace !== 'default' && metadata.namespace !== 'kube-system') {
      at.child('involvedObject').child('namespace').invalid(namespace, 'does not match event.namespace');
    }
  } else if (namespace !== metadata.namespace) {
    at.child('involvedObject').child('namespace').invalid(namespace, 'does not match event.namespace');
  }
  if (event.eventTime !== undefined) checkNewEvent(event, at);
}

/** What the newer of the two APIs asks for in addition; an event of it has an `eventTime`. */
function checkNewEvent(event: Event, at: Field): void {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', type = '', message = '' } = event;
  if (reportingComponent === '') at.child('reportingController').required();
  if (reportingInstance === '') at.child('reportingInstance').required();
  if (action === '') at.child('action').required();
  if (reason === '') at.child('reason').required();
  if (action.length > MAX_REASON) at.child('action').invalid('', `can have at most ${MAX_REASON} characters`);
  if (reason.length > MAX_REASON) at.child('reason').invalid('', `can have at most ${MAX_REASON} characters`);
  if (message.length > MAX_NOTE) at.child('message').invalid('', `can have at most ${MAX_NOTE} characters`);
  if (!EVENT_TYPES.includes(type)) at.child('type').invalid('', `has invalid value: ${type}`);
}

export const limitRangeStrategy: Strategy<LimitRange> = {
  setDefaults({ spec }) {
    for (const item of spec?.limits ?? []) {
      if (item.type === 'Container') setContainerLimits(item);
    }
  },
  validate: ({ spec }) => Field.collect((at) => checkLimits(spec?.limits, at.child('spec'))),
  allowCreateOnUpdate: true,
};

/** A maximum is the default, a default or minimum the default request, where nothing else is said. */
function setContainerLimits(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default };
  if (Object.keys(limits).length > 0) item.default = limits;
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function checkLimits(limits: readonly LimitRangeItem[] | undefined, parent: Field): void {
  const types = new Unique();
  checkEach(limits, parent, 'limits', (item, at) => {
    if (!types.add(item.type)) at.child('type').duplicate(item.type);
    const isPod = item.type === 'Pod';
    if (isPod && item.default !== undefined) at.child('default').forbidden("may not be specified when `type` is 'Pod'");
    if (isPod && item.defaultRequest !== undefined)
      at.child('defaultRequest').forbidden("may not be specified when `type` is 'Pod'");
    const names = new Set(
      [item.max, item.min, item.default, item.defaultRequest].flatMap((amounts) => Object.keys(amounts ?? {})),
    );
    for (const name of names) checkLimitOrder(item, name, at);
  });
}

const ORDER = [
  ['min', 'max'],
  ['min', 'defaultRequest'],
  ['defaultRequest', 'max'],
  ['min', 'default'],
  ['defaultRequest', 'default'],
  ['default', 'max'],
] as const;
const WORDS = { min: 'min', max: 'max', default: 'default', defaultRequest: 'default request' } as const;

function checkLimitOrder(item: LimitRangeItem, name: string, at: Field): void {
  for (const [low, high] of ORDER) {
    const [less, more] = [item[low]?.[name], item[high]?.[name]];
    if (less === undefined || more === undefined || quantityOf(less).cmp(quantityOf(more)) <= 0) continue;
    at.child(low)
      .key(name)
      .invalid(less, `${WORDS[low]} value ${quantityOf(less)} is greater than ${WORDS[high]} value ${quantityOf(more)}`);
  }
}

const SCOPES = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
];

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  prepareForCreate: (quota) => void (quota.status = {}),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      for (const name in spec?.hard) {
        const hard = at.child('hard').key(name);
        checkQuotaName(name, hard);
        checkResourceAmount(name, spec?.hard?.[name] ?? '0', hard);
        checkNonNegativeQuantity(spec?.hard?.[name] ?? '0', hard);
      }
      for (const scope of textsOf(spec?.scopes)) {
        if (!SCOPES.includes(scope)) at.child('scopes').invalid(spec?.scopes, 'unsupported scope');
      }
    }),
  validateUpdate: (quota, old) =>
    Field.collect((at) => {
      if (!sameJson(textsOf(quota.spec?.scopes).toSorted(), textsOf(old.spec?.scopes).toSorted())) {
        at.child('spec').child('scopes').invalid(quota.spec?.scopes, 'field is immutable');
      }
    }),
  hasGeneration: false,
};

/** `count/deployments.apps` counts objects of any kind. */
function checkQuotaName(name: string, at: Field): void {
  if (!name.startsWith('count/')) checkResourceName(name, at);
}
