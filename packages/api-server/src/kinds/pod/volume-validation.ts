import { isDnsLabel } from '@keelson/api';
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  KeyToPath,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '@keelson/api/core/v1';
import { checkDescendingPath, checkNoBacksteps, checkPresent, checkText } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import { quantityOf } from '../../validation/quantities.ts';
import { checkClaimSpec } from '../storage/claim-validation.ts';
import { checkFieldRef, checkResourceFieldRef, VOLUME_FIELDS } from './env-validation.ts';

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const BAD_MODE = 'must be a number between 0 and 0777 (octal), both inclusive';
const TWO_TYPES = 'may not specify more than 1 volume type';
const MAX_MODE = 0o777;

/** Volumes by name, as far as they can be told apart. */
export type Volumes = ReadonlyMap<string, Volume>;

export function checkVolumes(volumes: readonly Volume[] | undefined, parent: Field): Volumes {
  const byName = new Map<string, Volume>();
  checkEach(volumes, parent, 'volumes', (volume, at) => {
    checkVolumeSource(volume, at);
    if (!checkPresent(volume.name, at, 'name')) return;
    const before = at.errorCount;
    checkText(isDnsLabel, volume.name, at.child('name'));
    if (byName.has(volume.name)) at.child('name').duplicate(volume.name);
    if (at.errorCount === before) byName.set(volume.name, volume);
  });
  return byName;
}

type Source = Exclude<keyof Volume, 'name'>;
type Sources = { readonly [S in Source]?: (source: NonNullable<Volume[S]>, at: Field) => void };

function checkVolumeSource(volume: Volume, at: Field): void {
  let count = 0;
  for (const key in volume) {
    const kind = key as keyof Volume;
    if (kind === 'name' || volume[kind] === undefined) continue;
    count += 1;
    if (count > 1) at.child(kind).forbidden(TWO_TYPES);
    else checkSource(volume, kind, at.child(kind));
  }
  if (count === 0) at.required('must specify a volume type');
}

function checkSource<S extends Source>(volume: Volume, kind: S, at: Field): void {
  const source = volume[kind];
  if (source !== undefined) SOURCES[kind]?.(source, at);
}

/** Of sources without further rules: the fields that must be there. */
function needs<T extends object>(...names: readonly (keyof T & string)[]): (source: T, at: Field) => void {
  return (source, at) => {
    for (const name of names) checkPresent(source[name], at, name);
  };
}

const SOURCES: Sources = {
  hostPath: checkHostPath,
  emptyDir: (source, at) => {
    if (source.sizeLimit !== undefined && quantityOf(source.sizeLimit).sign() < 0) {
      at.child('sizeLimit').forbidden('SizeLimit field must be a valid resource quantity');
    }
  },
  secret: (source, at) => {
    checkPresent(source.secretName, at, 'secretName');
    checkMode(source.defaultMode, at, 'defaultMode');
    checkEach(source.items, at, 'items', checkKeyToPath);
  },
  configMap: (source, at) => {
    checkPresent(source.name, at, 'name');
    checkMode(source.defaultMode, at, 'defaultMode');
    checkEach(source.items, at, 'items', checkKeyToPath);
  },
  downwardAPI: (source, at) => {
    checkMode(source.defaultMode, at, 'defaultMode');
    checkEach(source.items, at, 'items', checkDownwardFile);
  },
  projected: (source, at) => {
    checkMode(source.defaultMode, at, 'defaultMode');
    checkProjections(source.sources ?? [], at);
  },
  persistentVolumeClaim: needs('claimName'),
  nfs: (source, at) => {
    checkPresent(source.server, at, 'server');
    if (checkPresent(source.path, at, 'path') && !source.path.startsWith('/'))
      at.child('path').invalid(source.path, 'must be an absolute path');
  },
  ephemeral: (source, at) => {
    const { volumeClaimTemplate } = source;
    if (volumeClaimTemplate === undefined) at.child('volumeClaimTemplate').required();
    else checkClaimSpec(volumeClaimTemplate.spec ?? {}, at.child('volumeClaimTemplate').child('spec'));
  },
  image: (source, at) => {
    checkPresent(source.reference, at, 'reference');
    if (source.pullPolicy !== undefined && !PULL_POLICIES.includes(source.pullPolicy)) {
      at.child('pullPolicy').notSupported(source.pullPolicy, PULL_POLICIES);
    }
  },
  csi: needs('driver'),
  awsElasticBlockStore: needs('volumeID'),
  gcePersistentDisk: needs('pdName'),
  azureDisk: needs('diskName', 'diskURI'),
  azureFile: needs('secretName', 'shareName'),
  cinder: needs('volumeID'),
  cephfs: needs('monitors'),
  flexVolume: needs('driver'),
  gitRepo: needs('repository'),
  glusterfs: needs('endpoints', 'path'),
  iscsi: needs('targetPortal', 'iqn'),
  rbd: needs('monitors', 'image'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  quobyte: needs('registry', 'volume'),
  scaleIO: needs('gateway', 'system', 'volumeName'),
  storageos: needs('volumeName'),
  vsphereVolume: needs('volumePath'),
};

export function checkHostPath(source: HostPathVolumeSource, at: Field): void {
  if (!checkPresent(source.path, at, 'path')) return;
  checkNoBacksteps(source.path, at.child('path'));
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type))
    at.child('type').notSupported(source.type, HOST_PATH_TYPES);
}

function checkMode(mode: number | undefined, parent: Field, name: string): void {
  if (mode !== undefined && (mode < 0 || mode > MAX_MODE)) parent.child(name).invalid(mode, BAD_MODE);
}

function checkKeyToPath(item: KeyToPath, at: Field): void {
  checkPresent(item.key, at, 'key');
  if (checkPresent(item.path, at, 'path')) checkFilePath(item.path, at.child('path'));
  checkMode(item.mode, at, 'mode');
}

/** A path of a file in a volume that is written atomically: names that start with two dots are taken. */
function checkFilePath(path: string, at: Field): void {
  checkDescendingPath(path, at);
  if (path.startsWith('..') && !path.startsWith('../') && path !== '..') at.invalid(path, "must not start with '..'");
}

function checkDownwardFile(file: DownwardAPIVolumeFile, at: Field): void {
  if (checkPresent(file.path, at, 'path')) checkFilePath(file.path, at.child('path'));
  if (file.fieldRef !== undefined) {
    checkFieldRef(file.fieldRef, VOLUME_FIELDS, at.child('fieldRef'));
    if (file.resourceFieldRef !== undefined)
      at.invalid('resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (file.resourceFieldRef !== undefined) {
    checkResourceFieldRef(file.resourceFieldRef, true, at.child('resourceFieldRef'));
  } else {
    at.required('one of fieldRef and resourceFieldRef is required');
  }
  checkMode(file.mode, at, 'mode');
}

const PROJECTIONS = [
  'secret',
  'configMap',
  'downwardAPI',
  'serviceAccountToken',
  'clusterTrustBundle',
  'podCertificate',
] as const;

function checkProjections(sources: readonly VolumeProjection[], parent: Field): void {
  const paths = new Unique();
  const claim = (path: string, name: string, at: Field): void => {
    if (path !== '' && !paths.add(path)) at.invalid(name, 'conflicting duplicate paths');
  };
  checkEach(sources, parent, 'sources', (source, at) => {
    const present = PROJECTIONS.filter((kind) => source[kind] !== undefined);
    for (const extra of present.slice(1)) at.child(extra).forbidden(TWO_TYPES);
    if (present.length === 0) at.required('must specify a source');
    checkProjection(source, at, claim);
  });
}

function checkProjection(source: VolumeProjection, at: Field, claim: (path: string, name: string, at: Field) => void): void {
  for (const kind of ['secret', 'configMap'] as const) {
    const part = source[kind];
    if (part === undefined) continue;
    checkPresent(part.name, at.child(kind), 'name');
    checkEach(part.items, at.child(kind), 'items', (item, itemAt) => {
      checkKeyToPath(item, itemAt);
      claim(item.path, part.name ?? '', at.child(kind));
    });
  }
  checkEach(source.downwardAPI?.items, at.child('downwardAPI'), 'items', (item, itemAt) => {
    checkDownwardFile(item, itemAt);
    claim(item.path, item.path, at.child('downwardAPI'));
  });
  if (source.serviceAccountToken !== undefined) checkTokenProjection(source.serviceAccountToken, at.child('serviceAccountToken'));
  if (source.clusterTrustBundle !== undefined)
    checkPresent(source.clusterTrustBundle.path, at.child('clusterTrustBundle'), 'path');
}

function checkTokenProjection(token: ServiceAccountTokenProjection, at: Field): void {
  const { expirationSeconds = 3600 } = token;
  if (expirationSeconds < 600)
    at.child('expirationSeconds').invalid(expirationSeconds, 'may not specify a duration less than 10 minutes');
  if (expirationSeconds > 2 ** 32)
    at.child('expirationSeconds').invalid(expirationSeconds, 'may not specify a duration larger than 2^32 seconds');
  if (checkPresent(token.path, at, 'path')) checkFilePath(token.path, at.child('path'));
}
