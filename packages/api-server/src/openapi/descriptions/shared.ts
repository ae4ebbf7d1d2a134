/** What is said of definitions (`core.v1.Pod`), by their names: of the definition itself under the empty name, of its fields under theirs. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Fields that say the same wherever they are, unless something else is said of them there. */
export const FIELDS: Readonly<Record<string, string>> = {
  apiVersion:
    'APIVersion defines the group and version of the schema that this object follows, such as `apps/v1`, or `v1` in the core group.',
  kind: 'Kind names what this object is, in CamelCase. The server derives it from the path that is written to.',
  metadata: "Standard object's metadata: name, namespace, labels and what else every object has.",
  spec: 'The state that is wanted.',
  status: 'The state that was last observed. Written by the system.',
  items: 'The objects of the list.',
  name: 'Its name.',
  namespace: 'The namespace that it is in.',
  readOnly: 'Only to be read from. Defaults to false.',
  type: 'What kind of it this is.',
  fsType: 'The file system to mount it with, such as `ext4`. Left to the driver or the node if absent.',
  message: 'What is the case, in words for people.',
  reason: 'Why, in one word in CamelCase, for programs.',
  secretRef: 'The Secret with what it takes to log in.',
  conditions: 'What can be said of its state, one entry for each aspect.',
  lastTransitionTime: 'When the condition went from one status to another for the last time.',
  lastProbeTime: 'When this was last looked at.',
  optional: 'Whether to go on if it is not there.',
  observedGeneration:
    'The `metadata.generation` that this was said of. An older one means that the latest change has not been seen yet.',
  defaultMode: 'Permission bits of the files that say nothing of their own: 0644 if absent. JSON has them in decimal.',
  minReadySeconds:
    'How many seconds a new pod has to be ready, without a container crashing, before it counts as available. Defaults to 0.',
  revisionHistoryLimit: 'How many old revisions to keep, so that one can go back to them. Defaults to 10.',
  collisionCount: 'How often two different templates came to the same hash. Makes the names of revisions unique.',
  uid: 'Distinguishes the object that is meant from others of the same name.',
  apiGroup: 'The API group of what is referred to; the core group if it is empty.',
  resourceVersion: 'Which version of the object is meant.',
  operator: 'How the key and the values are to relate.',
  values: 'What to compare with.',
  volumeMode: '`Filesystem` or `Block`: whether containers see a directory or a device. Defaults to `Filesystem`.',
  volumeAttributesClassName: 'The VolumeAttributesClass that says how the volume performs.',
  monitors: 'Addresses of the Ceph monitors.',
  lun: 'The number of the logical unit.',
  pool: 'The pool that the image is in. Defaults to `rbd`.',
};

/** Definitions that have the fields of another one, and what else is said of them. */
export const SAME_AS: Readonly<Record<string, string>> = {
  'core.v1.AzureFilePersistentVolumeSource': 'core.v1.AzureFileVolumeSource',
  'core.v1.CephFSPersistentVolumeSource': 'core.v1.CephFSVolumeSource',
  'core.v1.CinderPersistentVolumeSource': 'core.v1.CinderVolumeSource',
  'core.v1.FlexPersistentVolumeSource': 'core.v1.FlexVolumeSource',
  'core.v1.GlusterfsPersistentVolumeSource': 'core.v1.GlusterfsVolumeSource',
  'core.v1.ISCSIPersistentVolumeSource': 'core.v1.ISCSIVolumeSource',
  'core.v1.RBDPersistentVolumeSource': 'core.v1.RBDVolumeSource',
  'core.v1.ScaleIOPersistentVolumeSource': 'core.v1.ScaleIOVolumeSource',
  'core.v1.StorageOSPersistentVolumeSource': 'core.v1.StorageOSVolumeSource',
  'core.v1.EphemeralContainer': 'core.v1.Container',
  'networking.v1beta1.IPAddress': 'networking.v1.IPAddress',
  'networking.v1beta1.IPAddressSpec': 'networking.v1.IPAddressSpec',
  'networking.v1beta1.ParentReference': 'networking.v1.ParentReference',
  'networking.v1beta1.ServiceCIDR': 'networking.v1.ServiceCIDR',
  'networking.v1beta1.ServiceCIDRSpec': 'networking.v1.ServiceCIDRSpec',
  'networking.v1beta1.ServiceCIDRStatus': 'networking.v1.ServiceCIDRStatus',
  'core.v1.PersistentVolumeSpec': 'core.v1.Volume',
};
