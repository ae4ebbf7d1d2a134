import type { Container, VolumeDevice, VolumeMount } from '@keelson/api/core/v1';
import { checkDescendingPath, checkPresent } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import type { Volumes } from './volume-validation.ts';

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible'];

type Mounting = Pick<Container, 'volumeMounts' | 'volumeDevices' | 'securityContext'>;

export function checkMounts(container: Mounting, volumes: Volumes, parent: Field): void {
  const paths = new Unique();
  const devices = container.volumeDevices ?? [];
  checkEach(container.volumeMounts, parent, 'volumeMounts', (mount, at) => {
    if (checkPresent(mount.name, at, 'name') && !volumes.has(mount.name)) at.child('name').notFound(mount.name);
    if (checkPresent(mount.mountPath, at, 'mountPath') && !paths.add(mount.mountPath)) {
      at.child('mountPath').invalid(mount.mountPath, 'must be unique');
    }
    checkAgainstDevices(mount, devices, at);
    checkSubPath(mount, at);
    checkPropagation(mount, container.securityContext?.privileged === true, at);
    checkRecursive(mount, at);
  });
  checkDevices(container, volumes, parent);
}

function checkAgainstDevices(mount: VolumeMount, devices: readonly VolumeDevice[], at: Field): void {
  if (devices.some((device) => device.name === mount.name))
    at.child('name').invalid(mount.name, 'must not already exist in volumeDevices');
  if (devices.some((device) => device.devicePath === mount.mountPath)) {
    at.child('mountPath').invalid(mount.mountPath, 'must not already exist as a path in volumeDevices');
  }
}

function checkSubPath({ subPath = '', subPathExpr = '' }: VolumeMount, at: Field): void {
  if (subPath !== '') checkDescendingPath(subPath, at.child('subPath'));
  if (subPathExpr === '') return;
  if (subPath !== '') at.child('subPathExpr').invalid(subPathExpr, 'subPathExpr and subPath are mutually exclusive');
  checkDescendingPath(subPathExpr, at.child('subPathExpr'));
}

function checkPropagation({ mountPropagation }: VolumeMount, isPrivileged: boolean, at: Field): void {
  if (mountPropagation === undefined) return;
  if (!PROPAGATIONS.includes(mountPropagation)) at.child('mountPropagation').notSupported(mountPropagation, PROPAGATIONS);
  else if (mountPropagation === 'Bidirectional' && !isPrivileged) {
    at.child('mountPropagation').forbidden('Bidirectional mount propagation is available only to privileged containers');
  }
}

function checkRecursive(mount: VolumeMount, at: Field): void {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return;
  if (!RECURSIVE.includes(mode)) return at.child('recursiveReadOnly').notSupported(mode, RECURSIVE);
  if (mount.readOnly !== true) at.child('recursiveReadOnly').forbidden('may only be specified when readOnly is true');
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    at.child('recursiveReadOnly').forbidden('may only be specified when mountPropagation is None or not specified');
  }
}

function checkDevices(container: Mounting, volumes: Volumes, parent: Field): void {
  const names = new Unique();
  const paths = new Unique();
  checkEach(container.volumeDevices, parent, 'volumeDevices', (device, at) => {
    if (checkPresent(device.name, at, 'name')) {
      if (!names.add(device.name)) at.child('name').invalid(device.name, 'must be unique');
      checkDeviceVolume(device.name, volumes, at.child('name'));
    }
    if (!checkPresent(device.devicePath, at, 'devicePath')) return;
    if (!paths.add(device.devicePath)) at.child('devicePath').invalid(device.devicePath, 'must be unique');
    if (device.devicePath.split('/').includes('..'))
      at.child('devicePath').invalid(device.devicePath, "can not contain backsteps ('..')");
  });
}

function checkDeviceVolume(name: string, volumes: Volumes, at: Field): void {
  const volume = volumes.get(name);
  if (volume === undefined) at.notFound(name);
  else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
    at.invalid(name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode');
  }
}
