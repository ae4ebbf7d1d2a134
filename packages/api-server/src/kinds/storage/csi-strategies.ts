import { isDnsSubdomain, isQualifiedName } from '@keelson/api';
import type {
  CSIDriver,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  TokenRequest,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeError,
} from '@keelson/api/storage/v1';
import type { Strategy } from '../../registry/strategy.ts';
import {
  checkDriverName,
  checkFixed,
  checkNonNegative,
  checkOptionalChoice,
  checkPresent,
  checkText,
  FIXED,
  MAX_INT32,
  rangeMessage,
} from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkNonNegativeQuantity } from '../../validation/quantities.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { storageCapacityWarnings } from '../warnings/storage-warnings.ts';

const FS_GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'];
const MIN_UPDATE_SECONDS = 10;
const MIN_TOKEN_SECONDS = 600;
const MAX_NODE_ID = 256;
const MAX_ATTACHMENT_BYTES = 256 * 1024;

export const csiDriverStrategy: Strategy<CSIDriver> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: ({ spec }) => Field.collect((root) => checkDriver(spec, root.child('spec'))),
  validateUpdate: ({ spec }, old) =>
    Field.collect((root) => {
      const at = root.child('spec');
      // Upstream calls the first one so.
      if (spec?.attachRequired !== old.spec?.attachRequired) at.child('attachedRequired').invalid(spec?.attachRequired, FIXED);
      checkFixed(spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes, at, 'volumeLifecycleModes');
    }),
  allowUnconditionalUpdate: false,
  hasGeneration: 'after-change',
  generationChanged: ({ spec }, old) => COUNTED.some((name) => !sameJson(spec?.[name], old.spec?.[name])),
};

/** What of a driver may change, and counts as a change. */
const COUNTED = [
  'tokenRequests',
  'requiresRepublish',
  'seLinuxMount',
  'nodeAllocatableUpdatePeriodSeconds',
  'serviceAccountTokenInSecrets',
] as const;

function checkDriver(spec: CSIDriver['spec'] | undefined, at: Field): void {
  checkOptionalChoice(spec?.fsGroupPolicy, FS_GROUP_POLICIES, () => at.child('fsGroupPolicy'));
  checkTokenRequests(spec?.tokenRequests, at);
  for (const mode of spec?.volumeLifecycleModes ?? []) {
    if (!LIFECYCLE_MODES.includes(mode)) at.child('volumeLifecycleModes').notSupported(mode, LIFECYCLE_MODES);
  }
  const seconds = spec?.nodeAllocatableUpdatePeriodSeconds;
  if (seconds !== undefined && seconds < MIN_UPDATE_SECONDS)
    at.child('nodeAllocatableUpdatePeriodSeconds').invalid(seconds, 'must be greater than or equal to 10 seconds');
}

function checkTokenRequests(requests: readonly TokenRequest[] | undefined, parent: Field): void {
  const audiences = new Unique();
  checkEach(requests, parent, 'tokenRequests', ({ audience = '', expirationSeconds }, at) => {
    if (!audiences.add(audience)) return at.child('audience').duplicate(audience);
    if (expirationSeconds === undefined) return;
    const seconds = at.child('expirationSeconds');
    if (expirationSeconds < MIN_TOKEN_SECONDS)
      seconds.invalid(expirationSeconds, 'may not specify a duration less than 10 minutes');
    if (expirationSeconds > 2 ** 32) seconds.invalid(expirationSeconds, 'may not specify a duration larger than 2^32 seconds');
  });
}

export const csiNodeStrategy: Strategy<CSINode> = {
  validate: ({ spec }) =>
    Field.collect((root) => {
      const names = new Unique();
      checkEach(spec?.drivers, root.child('spec'), 'drivers', (driver, at) => {
        checkNodeDriver(driver, at);
        if (!names.add(driver.name ?? '')) at.child('name').duplicate(driver.name);
      });
    }),
  validateUpdate: ({ spec }, old) =>
    Field.collect((root) => {
      const fixed = (driver: CSINodeDriver): unknown => ({ ...driver, allocatable: undefined });
      for (const before of old.spec?.drivers ?? []) {
        const driver = spec?.drivers?.find(({ name }) => name === before.name);
        if (driver !== undefined && !sameJson(fixed(driver), fixed(before)))
          root.child('spec').child('drivers').invalid(shownDriver(driver), FIXED);
      }
    }),
  allowUnconditionalUpdate: false,
};

/** As upstream shows it. */
function shownDriver({ name = '', nodeID = '', topologyKeys }: CSINodeDriver): unknown {
  return { Name: name, NodeID: nodeID, TopologyKeys: topologyKeys ?? null, Allocatable: null };
}

function checkNodeDriver(driver: CSINodeDriver, at: Field): void {
  checkDriverName(driver.name, at.child('name'));
  if (checkPresent(driver.nodeID, at, 'nodeID') && driver.nodeID.length > MAX_NODE_ID)
    at.child('nodeID').invalid(driver.nodeID, `must be ${MAX_NODE_ID} characters or less`);
  checkNonNegative(driver.allocatable?.count, at.child('allocatable'), 'count');
  const keys = new Unique();
  for (const key of driver.topologyKeys ?? []) {
    if (key === '') at.required();
    if (!keys.add(key)) at.duplicate(key);
    checkText(isQualifiedName, key, at);
  }
}

export const storageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  warnings: storageCapacityWarnings,
  validate: ({ nodeTopology, storageClassName = '', capacity }) =>
    Field.collect((at) => {
      checkLabelSelector(nodeTopology, at.child('nodeTopology'));
      checkText(isDnsSubdomain, storageClassName, at.child('storageClassName'));
      if (capacity !== undefined) checkNonNegativeQuantity(capacity, at.child('capacity'));
    }),
  validateUpdate: (capacity, old) =>
    Field.collect((at) => {
      checkFixed(capacity.nodeTopology, old.nodeTopology, at, 'nodeTopology');
      checkFixed(capacity.storageClassName, old.storageClassName, at, 'storageClassName');
    }),
  allowUnconditionalUpdate: false,
};

export const attachmentStrategy: Strategy<VolumeAttachment> = {
  statusMetadata: [],
  prepareForCreate: (attachment) => void (attachment.status = { attached: false }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkDriverName(spec?.attacher, at.child('attacher'));
      checkAttachmentSource(spec?.source ?? {}, at.child('source'));
      checkText(isDnsSubdomain, spec?.nodeName ?? '', at.child('nodeName'));
    }),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => {
      if (!sameJson(spec, old.spec)) at.child('spec').invalid(shownAttachment(spec), FIXED);
    }),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      const at = root.child('status');
      const entries = Object.entries(status?.attachmentMetadata ?? {});
      const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
      if (sizeBytes > MAX_ATTACHMENT_BYTES) at.child('attachmentMetadata').tooLong(MAX_ATTACHMENT_BYTES);
      checkError(status?.attachError, at.child('attachError'));
      checkError(status?.detachError, at.child('detachError'));
    }),
  allowUnconditionalUpdate: false,
  hasGeneration: false,
};

/** As upstream shows it. */
function shownAttachment(spec: VolumeAttachment['spec'] | undefined): unknown {
  const { attacher = '', nodeName = '', source } = spec ?? {};
  const { persistentVolumeName = null, inlineVolumeSpec = null } = source ?? {};
  return {
    Attacher: attacher,
    Source: { PersistentVolumeName: persistentVolumeName, InlineVolumeSpec: inlineVolumeSpec },
    NodeName: nodeName,
  };
}

function checkAttachmentSource({ persistentVolumeName: name, inlineVolumeSpec }: VolumeAttachmentSource, at: Field): void {
  const oneOf = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (name === undefined && inlineVolumeSpec === undefined) return at.required(oneOf);
  if (name !== undefined && inlineVolumeSpec !== undefined) return at.forbidden(oneOf);
  if (name === undefined) {
    if (inlineVolumeSpec?.csi === undefined)
      at.child('inlineVolumeSpec').child('csi').required('has to be specified in the context of inline volumes');
  } else if (name === '') {
    at.child('persistentVolumeName').required('must specify non empty persistentVolumeName');
  } else {
    checkText(isDnsSubdomain, name, at.child('persistentVolumeName'));
  }
}

function checkError(error: VolumeError | undefined, at: Field): void {
  if (Buffer.byteLength(error?.message ?? '') > MAX_ATTACHMENT_BYTES) at.child('message').tooLong(MAX_ATTACHMENT_BYTES);
  const code = error?.errorCode;
  if (code !== undefined && code < 0) at.child('errorCode').invalid(code, rangeMessage(0, MAX_INT32));
}
