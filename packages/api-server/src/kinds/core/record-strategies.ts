import { isQualifiedName } from '@keelson/api';
import type { Event } from '@keelson/api/core/v1';
import type { Lease } from '@keelson/api/coordination/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkFixed, checkNonNegative, checkText } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';

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
const MAX_WORDS = 128;
const EVENT_TYPES = ['Normal', 'Warning'];

/** Of the core group, in whose shape the events of both groups are kept. */
export const eventStrategy: Strategy<Event> = {
  validate: (event) =>
    Field.collect((at) => {
      checkEvent(event, at);
      if (event.eventTime !== undefined) checkReport(event, 'reportingComponent', at);
    }),
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
  // Older clients, which set no `eventTime`, put events of cluster-scoped objects only there.
  const shared = event.eventTime === undefined ? ['default'] : ['default', 'kube-system'];
  const isRight = namespace === '' ? shared.includes(metadata.namespace ?? '') : namespace === metadata.namespace;
  if (!isRight) at.child('involvedObject').child('namespace').invalid(namespace, 'does not match event.namespace');
}

/** What holds of an event that has an `eventTime`: `reporter` is what its group calls the one who reports. */
function checkReport(event: Event, reporter: string, at: Field): void {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event;
  if (reportingComponent === '') at.child(reporter).required();
  checkText(isQualifiedName, reportingComponent, at.child(reporter));
  for (const [name, text] of Object.entries({ reportingInstance, action, reason })) {
    if (text === '') at.child(name).required();
    if (text.length > MAX_WORDS) at.child(name).invalid('', `can have at most ${MAX_WORDS} characters`);
  }
  if (message.length > MAX_NOTE) at.child('message').invalid('', `can have at most ${MAX_NOTE} characters`);
}

/** Of the group of its own, which asks for more, and lets only the series of an event change. */
export const newEventStrategy: Strategy<Event> = {
  ...eventStrategy,
  validate: (event) => Field.collect((at) => checkEvent(event, at)),
  validateCreate: (event) =>
    Field.collect((at) => {
      if (event.eventTime !== undefined) checkReport(event, 'reportingController', at);
      checkSeries(event, at);
      if (event.eventTime === undefined) at.child('eventTime').required();
      if (!EVENT_TYPES.includes(event.type ?? '')) at.child('type').invalid('', `has invalid value: ${event.type ?? ''}`);
      const { component = '', host = '' } = event.source ?? {};
      if (event.firstTimestamp !== undefined) at.child('firstTimestamp').invalid('', 'needs to be unset');
      if (event.lastTimestamp !== undefined) at.child('lastTimestamp').invalid('', 'needs to be unset');
      if ((event.count ?? 0) !== 0) at.child('count').invalid('', 'needs to be unset');
      if (component !== '' || host !== '') at.child('source').invalid('', 'needs to be unset');
    }),
  validateUpdate: (event, old) =>
    Field.collect((at) => {
      checkSeries(event, at);
      for (const name of FIXED_IN_EVENTS) checkFixed(event[name], old[name], at, name);
      checkFixed(event.reportingComponent, old.reportingComponent, at, 'reportingController');
    }),
};

const FIXED_IN_EVENTS = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingInstance',
] as const;

function checkSeries({ series }: Event, at: Field): void {
  if (series === undefined) return;
  if ((series.count ?? 0) < 2) at.child('series').child('count').invalid('', 'should be at least 2');
  if (series.lastObservedTime === undefined) at.child('series').child('lastObservedTime').required();
}
