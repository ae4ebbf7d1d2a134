import { formatTime, isExtendedResource } from '@keelson/api';
import type {
  DeviceClaim,
  DeviceClass,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '@keelson/api/resource/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkFixed } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';
import { checkAnnotations, checkLabels } from '../../validation/metadata.ts';
import { validateClaimStatusUpdate } from './claim-status.ts';
import { checkConfiguration, checkDeviceClaim, checkSelectors } from './claim-validation.ts';
import { checkSet } from './device-names.ts';
import { checkSlice } from './slice-validation.ts';

const MAX_CONFIGS = 32;

function setClaimDefaults(claim: DeviceClaim | undefined): void {
  for (const { exactly, firstAvailable } of claim?.requests ?? []) {
    if (exactly !== undefined) setRequestDefaults(exactly);
    firstAvailable?.forEach(setRequestDefaults);
  }
}

function setRequestDefaults(request: ExactDeviceRequest | DeviceSubRequest): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
}

export const resourceClaimStrategy: Strategy<ResourceClaim> = {
  statusMetadata: [],
  setDefaults: ({ spec }) => setClaimDefaults(spec?.devices),
  validateCreate: ({ spec }) => Field.collect((at) => checkDeviceClaim(spec?.devices, at.child('spec').child('devices'))),
  validateUpdate: ({ spec }, old) => Field.collect((at) => checkFixed(spec, old.spec, at, 'spec')),
  validateStatusUpdate: validateClaimStatusUpdate,
  hasGeneration: false,
};

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = {
  setDefaults: ({ spec }) => setClaimDefaults(spec?.spec?.devices),
  validateCreate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkLabels(spec?.metadata?.labels, at.child('metadata').child('labels'));
      checkAnnotations(spec?.metadata?.annotations, at.child('metadata').child('annotations'));
      checkDeviceClaim(spec?.spec?.devices, at.child('spec').child('devices'));
    }),
  validateUpdate: ({ spec }, old) => Field.collect((at) => checkFixed(spec, old.spec, at, 'spec')),
};

export const deviceClassStrategy: Strategy<DeviceClass> = {
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkSelectors(spec?.selectors, at.child('selectors'));
      checkSet(spec?.config, at.child('config'), { max: MAX_CONFIGS }, ({ opaque }, configAt) =>
        checkConfiguration(opaque, configAt),
      );
      const extended = spec?.extendedResourceName;
      if (extended !== undefined && !isExtendedResource(extended))
        at.child('extendedResourceName').invalid(extended, 'must be a valid extended resource name');
    }),
  hasGeneration: true,
};

export const resourceSliceStrategy: Strategy<ResourceSlice> = {
  prepareForCreate: (slice, { nowMs }) => setTaintTimes(slice, nowMs),
  prepareForUpdate: (slice, _old, { nowMs }) => setTaintTimes(slice, nowMs),
  validate: ({ spec }) => Field.collect((at) => checkSlice(spec, at.child('spec'))),
  validateUpdate: ({ spec }, old) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkFixed(spec?.pool?.name, old.spec?.pool?.name, at.child('pool'), 'name');
      checkFixed(spec?.driver, old.spec?.driver, at, 'driver');
      checkFixed(spec?.nodeName, old.spec?.nodeName, at, 'nodeName');
    }),
  hasGeneration: true,
  fieldValues: {
    'spec.driver': ({ spec }) => spec?.driver ?? '',
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
  },
};

function setTaintTimes({ spec }: ResourceSlice, nowMs: number): void {
  for (const device of spec?.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(nowMs);
  }
}
