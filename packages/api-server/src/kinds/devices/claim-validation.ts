import { isDnsLabel, isDnsSubdomain } from '@keelson/api';
import type {
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
} from '@keelson/api/resource/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkDriverName, checkText } from '../../validation/checks.ts';
import type { Field } from '../../validation/field.ts';
import { checkDeviceTolerations, checkFullyQualifiedName, checkSet } from './device-names.ts';

const MAX_ITEMS = 32;
const MAX_ALTERNATIVES = 8;
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MAX_PARAMETER_BYTES = 10 * 1024;
const MODES = ['All', 'ExactCount'];
const ONE_KIND = 'exactly one of `exactly` or `firstAvailable` is required';
const UNKNOWN_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** Names of requests, and of their alternatives as `request/alternative`. */
export type RequestNames = ReadonlySet<string>;

export function requestNamesOf(claim: DeviceClaim | undefined): RequestNames {
  const requests = claim?.requests ?? [];
  return new Set(
    requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map((part) => `${name}/${part.name}`)]),
  );
}

export function checkDeviceClaim(claim: DeviceClaim | undefined, at: Field): void {
  const names = requestNamesOf(claim);
  const byName = { max: MAX_ITEMS, key: ({ name }: DeviceRequest) => name ?? '' };
  checkSet(claim?.requests, at.child('requests'), byName, checkRequest);
  checkSet(claim?.constraints, at.child('constraints'), { max: MAX_ITEMS }, (constraint, constraintAt) =>
    checkConstraint(constraint, names, constraintAt),
  );
  checkSet(claim?.config, at.child('config'), { max: MAX_ITEMS }, (config, configAt) => {
    checkRequestReferences(config.requests, names, configAt.child('requests'));
    checkConfiguration(config.opaque, configAt);
  });
}

function checkRequest(request: DeviceRequest, at: Field): void {
  const { name = '', exactly, firstAvailable = [] } = asSent(request);
  checkText(isDnsLabel, name, at.child('name'));
  if (exactly !== undefined && firstAvailable.length > 0)
    return at.invalid(undefined, `${ONE_KIND}, but multiple fields are set`);
  if (exactly !== undefined) return checkWanted(exactly, at.child('exactly'));
  if (firstAvailable.length === 0) return at.required(ONE_KIND);
  const byName = { max: MAX_ALTERNATIVES, key: (part: DeviceSubRequest) => part.name ?? '' };
  checkSet(firstAvailable, at.child('firstAvailable'), byName, (part, partAt) => {
    checkText(isDnsLabel, part.name ?? '', partAt.child('name'));
    checkWanted(part, partAt);
  });
}

function checkWanted(wanted: ExactDeviceRequest | DeviceSubRequest, at: Field): void {
  const { deviceClassName = '', selectors, allocationMode = '', count = 0, tolerations } = asSent(wanted);
  if (deviceClassName === '') at.child('deviceClassName').required();
  else checkText(isDnsSubdomain, deviceClassName, at.child('deviceClassName'));
  checkSelectors(selectors, at.child('selectors'));
  if (!MODES.includes(allocationMode)) at.child('allocationMode').notSupported(allocationMode, MODES);
  if (allocationMode === 'All' && count !== 0)
    at.child('count').invalid(count, `must not be specified when allocationMode is '${allocationMode}'`);
  if (allocationMode === 'ExactCount' && count <= 0) at.child('count').invalid(count, 'must be greater than zero');
  checkDeviceTolerations(tolerations, at);
}

/** The form of selectors; what their expressions mean is checked by whoever compiles them. */
export function checkSelectors(selectors: readonly DeviceSelector[] | undefined, at: Field): void {
  checkSet(selectors, at, { max: MAX_ITEMS }, ({ cel }, selectorAt) => {
    if (cel === undefined) selectorAt.child('cel').required();
    else if (Buffer.byteLength(cel.expression ?? '') > MAX_EXPRESSION_BYTES)
      selectorAt.child('cel').child('expression').tooLong(MAX_EXPRESSION_BYTES);
  });
}

function checkConstraint(constraint: DeviceConstraint, names: RequestNames, at: Field): void {
  checkRequestReferences(constraint.requests, names, at.child('requests'));
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute !== undefined) checkFullyQualifiedName(matchAttribute, at.child('matchAttribute'));
  else if (distinctAttribute !== undefined) checkFullyQualifiedName(distinctAttribute, at.child('distinctAttribute'));
  else at.required('exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set');
}

export function checkRequestReferences(requests: readonly string[] | undefined, names: RequestNames, at: Field): void {
  checkSet(requests, at, { max: MAX_ITEMS, key: (name) => name }, (name, nameAt) => checkRequestReference(name, names, nameAt));
}

export function checkRequestReference(name: string, names: RequestNames, at: Field): void {
  const segments = name.split('/');
  if (segments.length > 2) return at.invalid(name, UNKNOWN_REQUEST);
  for (const segment of segments) checkText(isDnsLabel, segment, at);
  if (!names.has(name)) at.invalid(name, UNKNOWN_REQUEST);
}

/** What is handed on to a driver as it is. */
export function checkConfiguration(opaque: OpaqueDeviceConfiguration | undefined, parent: Field): void {
  const at = parent.child('opaque');
  if (opaque === undefined) return at.required();
  checkDriverName(opaque.driver, at.child('driver'));
  const parameters: unknown = opaque.parameters;
  const parametersAt = at.child('parameters');
  if (parameters === undefined || parameters === null) parametersAt.required();
  else if (Buffer.byteLength(JSON.stringify(parameters)) > MAX_PARAMETER_BYTES) parametersAt.tooLong(MAX_PARAMETER_BYTES);
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    parametersAt.invalid('<value omitted>', 'must be a valid JSON object');
}
