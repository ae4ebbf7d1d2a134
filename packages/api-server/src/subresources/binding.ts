import { badRequest, cloneJson, conflict, formatTime, type KubernetesObject } from '@keelson/api';
import type { Binding, Pod } from '@keelson/api/core/v1';
import type { ApiResult } from '../response/api-result.ts';
import { decodeAs, fieldValidationOf, parseBody } from '../verbs/body.ts';
import { metaOf, type Call } from '../verbs/call.ts';
import { change } from '../verbs/update.ts';
import { invalid } from '../validation/field-error.ts';
import { Field } from '../validation/field.ts';

const KIND = { group: '', version: 'v1', kind: 'Binding' };

/** POST to a pod's `/binding`: the only way in which a pod gets its node after it was created. */
export async function bind(call: Call): Promise<ApiResult> {
  const binding = decodeBinding(call);
  const named = binding.metadata?.name;
  if (named && named !== call.name) {
    throw badRequest(`the name of the object (${named}) does not match the name on the URL (${call.name})`);
  }
  return assign(call, binding);
}

/** POST to `/bindings`: the pod is named by the body. */
export async function bindNamed(call: Omit<Call, 'storage' | 'dryRun'>): Promise<ApiResult> {
  const binding = decodeBinding(call);
  const name = binding.metadata?.name;
  if (!name) throw badRequest('name must be provided');
  const { registry, storages } = call.services;
  const definition = registry.find('', 'v1', 'pods');
  if (!definition) throw badRequest('pods are not served');
  const dryRun = call.request.query.has('dryRun');
  return assign({ ...call, definition, storage: storages.of(definition), name, dryRun }, binding);
}

function decodeBinding(call: Pick<Call, 'request' | 'warn'>): Binding {
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  if (raw.value === undefined) throw badRequest('EOF');
  return decodeAs('core.v1.Binding', { raw, validation, warn: call.warn, kind: KIND }) as Binding;
}

async function assign(call: Call, binding: Binding): Promise<ApiResult> {
  const node = binding.target?.name ?? '';
  const errors = Field.collect((at) => checkTarget(binding, at.child('target')));
  if (errors.length > 0) throw invalid({ ...KIND, name: call.name }, errors);
  const { uid, resourceVersion, annotations, labels } = binding.metadata ?? {};
  await change(call, {
    unchecked: true,
    part: { prepare: (object) => object, ownable: [] },
    next: (old) => {
      const pod = old as Pod;
      checkAssignable(call, pod, node);
      const next: Pod = cloneJson(pod);
      if (uid) metaOf(next).uid = uid;
      if (resourceVersion) metaOf(next).resourceVersion = resourceVersion;
      if (annotations) metaOf(next).annotations = { ...next.metadata?.annotations, ...annotations };
      if (labels) metaOf(next).labels = { ...next.metadata?.labels, ...labels };
      return assigned(next, node, call.services.clock.now());
    },
  });
  return { type: 'value', status: 201, value: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

function checkTarget({ target }: Binding, at: Field): void {
  const { kind = '', name = '' } = target ?? {};
  if (kind !== '' && kind !== 'Node') at.child('kind').notSupported(kind, ['Node', '<empty>']);
  if (name === '') at.child('name').required();
}

function checkAssignable(call: Call, pod: Pod, node: string): void {
  const present = pod.spec?.nodeName ?? '';
  if (present !== '') throw conflict(call.definition, call.name, `pod ${call.name} is already assigned to node "${present}"`);
  if (pod.metadata?.deletionTimestamp !== undefined) {
    throw conflict(call.definition, call.name, `pod ${call.name} is being deleted, cannot be assigned to a host`);
  }
  if ((pod.spec?.schedulingGates?.length ?? 0) > 0) {
    throw conflict(
      call.definition,
      call.name,
      `pod ${call.name} has non-empty .spec.schedulingGates, cannot be assigned to node "${node}"`,
    );
  }
}

function assigned(pod: Pod, node: string, nowMs: number): KubernetesObject {
  if (pod.spec) pod.spec.nodeName = node;
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(nowMs) };
  const before = (pod.status?.conditions ?? []).find(({ type, status }) => type === 'PodScheduled' && status === 'True');
  pod.status = { ...pod.status, conditions: [...others, before ?? condition] };
  return pod;
}
