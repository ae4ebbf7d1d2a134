import { keyOf, nameOf, namespaceOf, storageClassOf, uidOf, VOLUME_ANNOTATIONS } from '@keelson/api';
import { Node, PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import { StorageClass } from '@keelson/api/storage/v1';
import { errorMessage, isReason } from '@keelson/base';
import { reads, type ControllerDefinition, type Reconciling } from '@keelson/controller-runtime';
import { FINALIZER, HOSTNAME, type Parts } from './parts.ts';

const { provisionedBy, selectedNode, storageProvisioner } = VOLUME_ANNOTATIONS;
const SINGLE_NODE_MODES = ['ReadWriteOnce', 'ReadWriteOncePod'];

/** A controller that makes a volume for each claim that waits for one of the provisioner. */
export function claimProvisioning(parts: Parts): ControllerDefinition<PersistentVolumeClaim> {
  return {
    name: 'local-path-claims',
    for: PersistentVolumeClaim,
    watches: [reads(StorageClass), reads(Node)],
    reconcile: async (claim, context) => {
      const storageClass = context.cached(StorageClass).get(storageClassOf(claim));
      const isDone = Boolean(claim.spec?.volumeName) || claim.metadata?.deletionTimestamp !== undefined;
      if (isDone || claim.metadata?.annotations?.[storageProvisioner] !== parts.provisioner) return {};
      // Whoever chose this provisioner has seen the class: the cache will show it.
      if (!storageClass) return { requeue: true };
      if (storageClass.provisioner !== parts.provisioner) return {};
      const nodeName = claim.metadata?.annotations?.[selectedNode];
      const objection = nodeName === undefined ? NO_NODE : whyNot(claim);
      if (objection !== undefined) fail(claim, storageClass, { context, message: objection });
      else if (nodeName !== undefined && parts.isHere(nodeName))
        await provision(claim, storageClass, { parts, context, nodeName });
      return {};
    },
  };
}

const NO_NODE = 'configuration error, no node was specified: the class needs volumeBindingMode: WaitForFirstConsumer';

function whyNot({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec?.volumeMode === 'Block') return 'block volumes are not supported, only file systems are';
  if (spec?.selector) return 'claim.Spec.Selector is not supported';
  if (spec?.dataSource || spec?.dataSourceRef) return 'data sources are not supported';
  const other = spec?.accessModes?.find((mode) => !SINGLE_NODE_MODES.includes(mode));
  return other && `access mode ${other} is not supported: the volume is on one node`;
}

interface Provisioning {
  readonly parts: Parts;
  readonly context: Reconciling;
  readonly nodeName: string;
}

async function provision(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { parts, context, nodeName }: Provisioning,
): Promise<void> {
  const { client, cached, events } = context;
  const node = cached(Node).get(nodeName);
  if (!node) return giveBack(claim, nodeName, context);
  // Always the same one, so that a claim never gets two.
  const name = `pvc-${uidOf(claim)}`;
  const message = `External provisioner is provisioning volume for claim "${keyOf(claim)}"`;
  events.event(claim, 'Normal', 'Provisioning', message);
  try {
    const path = await parts.directories.make(nodeName, name);
    const hostname = node.metadata?.labels?.[HOSTNAME] ?? nodeName;
    const made = volumeFor(claim, storageClass, { provisioner: parts.provisioner, name, path, hostname });
    await client.resource(PersistentVolume).create(made);
  } catch (error) {
    if (isReason(error, 'AlreadyExists')) return;
    fail(claim, storageClass, { context, message: errorMessage(error) });
    throw error;
  }
  events.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
}

/** The scheduler is to choose another node: the one it chose has gone. */
async function giveBack(claim: PersistentVolumeClaim, nodeName: string, { client, events }: Reconciling): Promise<void> {
  const { resourceVersion } = claim.metadata ?? {};
  const patch = { metadata: { resourceVersion, annotations: { [selectedNode]: null } } };
  await client.resource(PersistentVolumeClaim).patch({ name: nameOf(claim), namespace: namespaceOf(claim) }, 'merge', patch);
  events.event(claim, 'Warning', 'ProvisioningFailed', `failed to get target node: nodes "${nodeName}" not found`);
}

function fail(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { context, message }: { readonly context: Reconciling; readonly message: string },
): void {
  const what = `failed to provision volume with StorageClass "${nameOf(storageClass)}": ${message}`;
  context.events.event(claim, 'Warning', 'ProvisioningFailed', what);
}

interface Made {
  readonly provisioner: string;
  readonly name: string;
  readonly path: string;
  readonly hostname: string;
}

function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, made: Made): PersistentVolume {
  const { resourceVersion } = claim.metadata ?? {};
  const claimant = { name: nameOf(claim), namespace: namespaceOf(claim), uid: uidOf(claim), resourceVersion };
  const onNode = { matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [made.hostname] }] };
  return {
    metadata: { name: made.name, annotations: { [provisionedBy]: made.provisioner }, finalizers: [FINALIZER] },
    spec: {
      accessModes: claim.spec?.accessModes,
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claimant },
      local: { path: made.path },
      nodeAffinity: { required: { nodeSelectorTerms: [onNode] } },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: nameOf(storageClass),
      volumeMode: 'Filesystem',
    },
  };
}
