import { isDnsLabel, isPathSegmentName } from '@keelson/api';
import type { CrossVersionObjectReference, MetricSpec, MetricTarget } from '@keelson/api/autoscaling/v2';
import { checkPathSegment, checkText } from '../../validation/checks.ts';
import { checkEach, type Field } from '../../validation/field.ts';
import { checkContainerResourceName, quantityOf } from '../../validation/quantities.ts';

const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue'];
/** In the order of their names, which is that of the list of what is supported. */
const FIELD_OF_TYPE = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const;
const TYPES = Object.keys(FIELD_OF_TYPE);

type SourceField = (typeof FIELD_OF_TYPE)[keyof typeof FIELD_OF_TYPE];

export function checkObjectReference(reference: Partial<CrossVersionObjectReference> = {}, at: Field): void {
  checkPathSegment(reference.kind, at, 'kind');
  checkPathSegment(reference.name, at, 'name');
}

export function checkMetrics(metrics: readonly MetricSpec[] | undefined, parent: Field): void {
  checkEach(metrics, parent, 'metrics', (metric, at) => {
    const { type = '' } = metric;
    if (type === '') at.child('type').required('must specify a metric source type');
    if (!TYPES.includes(type)) at.child('type').notSupported(type, TYPES);
    const present = SOURCE_FIELDS.filter((field) => metric[field] !== undefined);
    const [first] = present;
    if (first !== undefined) SOURCES[first](metric, at.child(first));
    const expected = Object.entries(FIELD_OF_TYPE).find(([known]) => known === type)?.[1];
    // Said twice, as upstream says it.
    if (expected === undefined) return at.child('type').notSupported(type, TYPES);
    if (metric[expected] === undefined) at.child(expected).required('must populate information for the given metric source');
    if (present.length === 1) return;
    for (const field of present) {
      if (field !== expected) at.child(field).forbidden('must populate the given metric source only');
    }
  });
}

const SOURCE_FIELDS: readonly SourceField[] = ['object', 'external', 'pods', 'resource', 'containerResource'];

const SOURCES: Readonly<Record<SourceField, (metric: MetricSpec, at: Field) => void>> = {
  object: ({ object }, at) => {
    checkObjectReference(object?.describedObject, at.child('describedObject'));
    checkIdentifier(object?.metric, at);
    checkTarget(object?.target, at);
    if (!hasValue(object?.target)) missing(at, 'averageValue', 'must set either a target value or averageValue');
  },
  external: ({ external }, at) => {
    const { value, averageValue } = external?.target ?? {};
    checkIdentifier(external?.metric, at);
    checkTarget(external?.target, at);
    if (!hasValue(external?.target)) missing(at, 'averageValue', 'must set either a target value for metric or a per-pod target');
    if (value !== undefined && averageValue !== undefined)
      at.child('target').child('value').forbidden('may not set both a target value for metric and a per-pod target');
  },
  pods: ({ pods }, at) => {
    checkIdentifier(pods?.metric, at);
    checkTarget(pods?.target, at);
    if (pods?.target?.averageValue === undefined) missing(at, 'averageValue', 'must specify a positive target averageValue');
  },
  resource: ({ resource }, at) => {
    if ((resource?.name ?? '') === '') at.child('name').required('must specify a resource name');
    checkResourceTarget(resource?.target, at);
  },
  containerResource: ({ containerResource }, at) => {
    const { name = '', container = '' } = containerResource ?? {};
    if (name === '') at.child('name').required('must specify a resource name');
    else checkContainerResourceName(name, at.child('name'));
    if (container === '') at.child('container').required('must specify a container');
    else checkText(isDnsLabel, container, at.child('container'));
    checkResourceTarget(containerResource?.target, at);
  },
};

function missing(at: Field, name: string, detail: string): void {
  at.child('target').child(name).required(detail);
}

function hasValue(target: MetricTarget | undefined): boolean {
  return target?.value !== undefined || target?.averageValue !== undefined;
}

function checkIdentifier(metric: { readonly name?: string | undefined } | undefined, parent: Field): void {
  const at = parent.child('metric').child('name');
  const { name = '' } = metric ?? {};
  if (name === '') at.required('must specify a metric name');
  else checkText(isPathSegmentName, name, at);
}

function checkResourceTarget(target: MetricTarget | undefined, at: Field): void {
  const { averageUtilization, averageValue } = target ?? {};
  checkTarget(target, at);
  if (averageUtilization === undefined && averageValue === undefined)
    missing(at, 'averageUtilization', 'must set either a target raw value or a target utilization');
  if (averageUtilization !== undefined && averageValue !== undefined)
    at.child('target').child('averageValue').forbidden('may not set both a target raw value and a target utilization');
}

function checkTarget(target: MetricTarget | undefined, parent: Field): void {
  const at = parent.child('target');
  const { type = '', averageUtilization } = target ?? {};
  if (type === '') at.child('type').required('must specify a metric target type');
  if (!TARGET_TYPES.includes(type)) at.child('type').invalid(type, 'must be either Utilization, Value, or AverageValue');
  for (const name of ['value', 'averageValue'] as const) {
    const amount = target?.[name];
    if (amount !== undefined && quantityOf(amount).sign() <= 0)
      at.child(name).invalid(quantityOf(amount).toString(), 'must be positive');
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    at.child('averageUtilization').invalid(averageUtilization, 'must be greater than 0');
}
