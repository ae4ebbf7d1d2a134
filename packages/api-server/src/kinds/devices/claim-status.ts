import { isDnsLabel } from '@keelson/api';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  ResourceClaim,
  ResourceClaimStatus,
} from '@keelson/api/resource/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkChoice, checkDriverName, checkFixed, checkPresent, checkText } from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';
import { checkNodeSelector } from '../../validation/selectors.ts';
import {
  checkConfiguration,
  checkRequestReference,
  checkRequestReferences,
  requestNamesOf,
  type RequestNames,
} from './claim-validation.ts';
import { checkPoolName, checkSet } from './device-names.ts';

const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
/** Of the class and of the claim. */
const MAX_CONFIGS = 64;
const MAX_CONDITIONS = 8;
const SOURCES = ['FromClaim', 'FromClass'];

type Device = Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'shareID'>;

function idOf({ driver, pool, device, shareID }: Device): string {
  return [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join('/');
}

export function validateClaimStatusUpdate(claim: ResourceClaim, old: Readonly<ResourceClaim>): readonly FieldError[] {
  return Field.collect((root) => {
    const at = root.child('status');
    const [status, before] = [claim.status ?? {}, old.status ?? {}];
    checkConsumers(status, before, { isDeleted: claim.metadata?.deletionTimestamp !== undefined, at });
    checkDevices(status, at.child('devices'));
    if (before.allocation !== undefined && status.allocation !== undefined)
      checkFixed(status.allocation, before.allocation, at, 'allocation');
    else if (status.allocation !== undefined)
      checkAllocation(status.allocation, requestNamesOf(claim.spec?.devices), at.child('allocation'));
  });
}

function checkConsumers(
  { reservedFor = [], allocation }: ResourceClaimStatus,
  before: ResourceClaimStatus,
  { isDeleted, at }: { readonly isDeleted: boolean; readonly at: Field },
): void {
  const list = at.child('reservedFor');
  checkSet(reservedFor, list, { max: MAX_CONSUMERS, key: ({ uid }) => uid ?? '' }, (consumer, consumerAt) => {
    for (const name of ['resource', 'name', 'uid'] as const) checkPresent(consumer[name], consumerAt, name);
  });
  if (reservedFor.length === 0) return;
  if (allocation === undefined) return list.forbidden('may not be specified when `allocated` is not set');
  const known = new Set(before.reservedFor?.map(({ uid }) => uid));
  if (isDeleted && reservedFor.some(({ uid }) => !known.has(uid))) {
    const when = 'while `deallocationRequested` or `deletionTimestamp` are set';
    list.forbidden(`new entries may not be added ${when}`);
  }
}

function checkDevices({ devices, allocation }: ResourceClaimStatus, at: Field): void {
  const allocated = new Set(allocation?.devices?.results?.map(idOf));
  checkSet(devices, at, { max: Infinity, key: idOf }, (device: AllocatedDeviceStatus, deviceAt) => {
    checkPlace(device, deviceAt);
    if (!allocated.has(idOf(device))) deviceAt.invalid(idOf(device), 'must be an allocated device in the claim');
    const count = device.conditions?.length ?? 0;
    if (count > MAX_CONDITIONS) deviceAt.child('conditions').tooMany(count, MAX_CONDITIONS);
  });
}

function checkPlace(place: Device, at: Field): void {
  const { driver, pool, device = '' } = asSent(place);
  checkDriverName(driver, at.child('driver'));
  checkPoolName(pool, at.child('pool'));
  checkText(isDnsLabel, device, at.child('device'));
}

function checkAllocation({ devices, nodeSelector }: AllocationResult, names: RequestNames, at: Field): void {
  const devicesAt = at.child('devices');
  checkSet(devices?.results, devicesAt.child('results'), { max: MAX_RESULTS }, (result, resultAt) => {
    checkRequestReference(result.request ?? '', names, resultAt.child('request'));
    checkPlace(result, resultAt);
  });
  checkSet(devices?.config, devicesAt.child('config'), { max: MAX_CONFIGS }, (config, configAt) => {
    checkChoice(config.source, SOURCES, () => configAt.child('source'));
    checkRequestReferences(config.requests, names, configAt.child('requests'));
    checkConfiguration(config.opaque, configAt);
  });
  if (nodeSelector !== undefined) checkNodeSelector(nodeSelector, at.child('nodeSelector'));
}
