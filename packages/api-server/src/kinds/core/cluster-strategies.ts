import { isQualifiedName, isValidLabelValue } from '@keelson/api';
import type { Namespace, Node, NodeSpec, Taint } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkText } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkCidr } from '../../validation/ip.ts';
import { checkResourceAmount, checkResourceName } from '../../validation/quantities.ts';

const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespaceStrategy: Strategy<Namespace> = {
  setDefaults(namespace) {
    const { metadata } = namespace;
    if (metadata?.name !== undefined && metadata.name !== '')
      metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
    namespace.status ??= {};
    namespace.status.phase ??= 'Active';
  },
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' };
    namespace.spec ??= {};
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes(FINALIZER)) namespace.spec.finalizers = [...finalizers, FINALIZER];
  },
  prepareForUpdate(namespace, old) {
    namespace.spec = { ...namespace.spec, finalizers: old.spec?.finalizers && [...old.spec.finalizers] };
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      checkEach(spec?.finalizers, root.child('spec'), 'finalizers', (name, at) => {
        for (const message of isQualifiedName(name)) at.invalid(name, message);
        if (!name.includes('/') && name !== FINALIZER)
          at.invalid(name, 'name is neither a standard finalizer name nor is it fully qualified');
      });
    }),
  beginDeletion(namespace) {
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
  isHeldBack: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
  nameRule: 'dns-label',
  hasGeneration: false,
  fieldValues: { 'status.phase': (namespace) => namespace.status?.phase ?? 'Active' },
};

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export const nodeStrategy: Strategy<Node> = {
  warnings: ({ spec }) => [
    ...(spec?.configSource === undefined ? [] : ['spec.configSource: deprecated in v1.22, support removed in v1.26']),
    ...(spec?.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
  ],
  setDefaults({ spec, status }) {
    if (spec !== undefined) mirrorCidrs(spec);
    if (status?.capacity !== undefined && Object.keys(status.allocatable ?? {}).length === 0)
      status.allocatable = { ...status.capacity };
  },
  validate: (node) => Field.collect((at) => checkNode(node, at)),
  validateUpdate: (node, old) => Field.collect((at) => checkNodeUpdate(node, old, at.child('spec'))),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      for (const list of ['capacity', 'allocatable'] as const) {
        for (const name in status?.[list]) {
          const at = root.child('status').child(list).key(name);
          checkResourceName(name, at);
          checkResourceAmount(name, status?.[list]?.[name] ?? '0', at);
        }
      }
    }),
  // A node says of itself what it has.
  keepsStatusOnCreate: true,
  hasGeneration: false,
  fieldValues: { 'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false) },
};

function mirrorCidrs(spec: NodeSpec): void {
  if (spec.podCIDRs?.[0] !== undefined) spec.podCIDR ??= spec.podCIDRs[0];
  else if (spec.podCIDR !== undefined && spec.podCIDR !== '') spec.podCIDRs = [spec.podCIDR];
}

function checkNode({ spec, status }: Node, root: Field): void {
  const at = root.child('spec');
  checkTaints(spec?.taints, at);
  checkEach(spec?.podCIDRs, at, 'podCIDRs', checkCidr);
  const addresses = new Unique();
  checkEach(status?.addresses, root.child('status'), 'addresses', (address, addressAt) => {
    if (!addresses.add(`${address.type}/${address.address}`)) addressAt.duplicate(address);
  });
}

function checkTaints(taints: readonly Taint[] | undefined, parent: Field): void {
  const unique = new Unique();
  checkEach(taints, parent, 'taints', (taint, at) => {
    const { key = '', value = '', effect = '' } = asSent(taint);
    checkText(isQualifiedName, key, at.child('key'));
    const messages = isValidLabelValue(value);
    if (messages.length > 0) at.child('value').invalid(value, messages.join(';'));
    if (effect === '') at.child('effect').required();
    else if (!EFFECTS.includes(effect)) at.child('effect').notSupported(effect, EFFECTS);
    if (!unique.add(`${key}/${effect}`)) at.duplicate(taint);
  });
}

/** What a node got once it keeps: pods have been given addresses out of it. */
function checkNodeUpdate({ spec = {} }: Node, old: Readonly<Node>, at: Field): void {
  const before = old.spec ?? {};
  if ((before.podCIDRs ?? []).length > 0 && !sameJson(spec.podCIDRs, before.podCIDRs)) {
    at.child('podCIDRs').forbidden('node updates may not change podCIDR except from "" to valid');
  }
  if ((before.providerID ?? '') !== '' && spec.providerID !== before.providerID) {
    at.child('providerID').forbidden('node updates may not change providerID except from "" to valid');
  }
}
