import { isDnsLabel, isDnsSubdomain } from '@keelson/api';
import type { Counter, Device, DeviceAttribute, DeviceCapacity, ResourceSliceSpec } from '@keelson/api/resource/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkDriverName, checkLabelKey, checkText } from '../../validation/checks.ts';
import type { Field } from '../../validation/field.ts';
import { checkNodeSelector } from '../../validation/selectors.ts';
import { checkPoolName, checkQualifiedName, checkSet, checkTaint } from './device-names.ts';

const MAX_DEVICES = 128;
/** If devices have taints or share counters. */
const MAX_RICH_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_PROPERTIES = 32;
const MAX_TAINTS = 16;
const MAX_CONDITIONS = 4;
const MAX_VALUE_BYTES = 64;
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const PLACES = '`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`';
const DEVICE_PLACES =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

export function checkSlice(spec: ResourceSliceSpec | undefined, at: Field): void {
  const { driver, pool, devices, sharedCounters, perDeviceNodeSelection = false } = asSent(spec);
  checkDriverName(driver, at.child('driver'));
  const { name, generation = 0, resourceSliceCount = 0 } = asSent(pool);
  checkPoolName(name, at.child('pool').child('name'));
  if (resourceSliceCount <= 0)
    at.child('pool').child('resourceSliceCount').invalid(resourceSliceCount, 'must be greater than zero');
  if (generation < 0) at.child('pool').child('generation').invalid(generation, 'must be greater than or equal to zero');
  checkSlicePlace(asSent(spec), at);
  if (sharedCounters !== undefined && devices !== undefined)
    at.invalid('', 'only one of `sharedCounters` or `devices` is allowed');
  const isRich = (devices ?? []).some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0);
  const byName = { max: isRich ? MAX_RICH_DEVICES : MAX_DEVICES, key: (device: Device) => device.name ?? '' };
  checkSet(devices, at.child('devices'), byName, (device, deviceAt) => {
    checkDevice(device, deviceAt);
    checkDevicePlace(device, perDeviceNodeSelection, deviceAt);
  });
  const sets = { max: MAX_COUNTER_SETS, key: (set: { readonly name: string }) => set.name ?? '' };
  checkSet(sharedCounters, at.child('sharedCounters'), sets, (set, setAt) => {
    checkCounterSetName(set.name, setAt.child('name'));
    checkCounters(set.counters, setAt.child('counters'));
  });
}

function checkSlicePlace(spec: Partial<ResourceSliceSpec>, at: Field): void {
  const places: string[] = [];
  if (spec.nodeName !== undefined) {
    if (spec.nodeName === '') at.child('nodeName').invalid('', 'must be either unset or set to a non-empty string');
    else places.push('`nodeName`');
    if (spec.nodeName !== '') checkText(isDnsSubdomain, spec.nodeName, at.child('nodeName'));
  }
  if (spec.nodeSelector !== undefined) {
    places.push('`nodeSelector`');
    checkNodeSelector(spec.nodeSelector, at.child('nodeSelector'));
    const terms = spec.nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length !== 1)
      at.child('nodeSelector').child('nodeSelectorTerms').invalid(terms, 'must have exactly one node selector term');
  }
  for (const name of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[name] === true) places.push(`\`${name}\``);
    if (spec[name] === false) at.child(name).invalid(false, 'must be either unset or set to true');
  }
  const needed = `exactly one of ${PLACES} is required`;
  if (places.length === 0) at.required(needed);
  if (places.length > 1) at.invalid(`{${places.join(', ')}}`, `${needed}, but multiple fields are set`);
}

function checkDevicePlace(device: Device, isEachPlaced: boolean, at: Field): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!isEachPlaced) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    const only = 'can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return at.invalid(undefined, `\`nodeName\`, \`nodeSelector\` and \`allNodes\` ${only}`);
  }
  const places: string[] = [];
  if (nodeName === '') at.child('nodeName').invalid('', 'must not be empty');
  if (nodeName !== undefined && nodeName !== '') {
    places.push('`nodeName`');
    checkText(isDnsSubdomain, nodeName, at.child('nodeName'));
  }
  if (nodeSelector !== undefined) {
    places.push('`nodeSelector`');
    checkNodeSelector(nodeSelector, at.child('nodeSelector'));
  }
  if (allNodes === true) places.push('`allNodes`');
  if (allNodes === false) at.child('allNodes').invalid(false, 'must be either unset or set to true');
  if (places.length === 0) at.required(DEVICE_PLACES);
  if (places.length > 1) at.invalid(`{${places.join(', ')}}`, DEVICE_PLACES);
}

function checkDevice(device: Device, at: Field): void {
  checkText(isDnsLabel, device.name ?? '', at.child('name'));
  const count = Object.keys(device.attributes ?? {}).length + Object.keys(device.capacity ?? {}).length;
  if (count > MAX_PROPERTIES)
    at.invalid(count, `the total number of attributes and capacities must not exceed ${MAX_PROPERTIES}`);
  checkProperties(device.attributes, at.child('attributes'), checkAttribute);
  const isShared = device.allowMultipleAllocations === true;
  checkProperties(device.capacity, at.child('capacity'), (capacity, capacityAt) => checkCapacity(capacity, isShared, capacityAt));
  checkSet(device.taints, at.child('taints'), { max: MAX_TAINTS }, checkTaint);
  const consumptions = { max: MAX_CONSUMPTIONS, key: (part: { readonly counterSet: string }) => part.counterSet ?? '' };
  checkSet(device.consumesCounters, at.child('consumesCounters'), consumptions, (part, partAt) => {
    checkCounterSetName(part.counterSet, partAt.child('counterSet'));
    checkCounters(part.counters, partAt.child('counters'));
  });
  for (const list of ['bindingConditions', 'bindingFailureConditions'] as const)
    checkSet(device[list], at.child(list), { max: MAX_CONDITIONS }, checkLabelKey);
}

function checkProperties<T>(
  properties: Readonly<Record<string, T>> | undefined,
  at: Field,
  check: (property: T, at: Field) => void,
): void {
  for (const [name, property] of Object.entries(properties ?? {})) {
    checkQualifiedName(name, at.key(name));
    check(property, at.key(name));
  }
}

function checkAttribute(attribute: DeviceAttribute, at: Field): void {
  const { bool, int, string, version } = attribute;
  for (const [name, text] of [
    ['string', string],
    ['version', version],
  ] as const) {
    if (text !== undefined && Buffer.byteLength(text) > MAX_VALUE_BYTES) at.child(name).tooLong(MAX_VALUE_BYTES);
  }
  if (version !== undefined && !SEMVER.test(version))
    at.child('version').invalid(version, 'must be a string compatible with semver.org spec 2.0.0');
  const count = [bool, int, string, version].filter((value) => value !== undefined).length;
  if (count !== 1) at.invalid(count === 0 ? '' : attribute, 'exactly one value must be specified');
}

function checkCapacity({ requestPolicy }: DeviceCapacity, isShared: boolean, at: Field): void {
  if (requestPolicy !== undefined && !isShared) at.child('requestPolicy').forbidden('allowMultipleAllocations must be true');
}

function checkCounterSetName(name: string | undefined, at: Field): void {
  if (name === undefined || name === '') at.required();
  else checkText(isDnsLabel, name, at);
}

function checkCounters(counters: Readonly<Record<string, Counter>> | undefined, at: Field): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return at.required();
  if (names.length > MAX_COUNTERS) return at.tooMany(names.length, MAX_COUNTERS);
  for (const name of names) checkText(isDnsLabel, name, at.key(name));
}
