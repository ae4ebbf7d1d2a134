import {
  isDnsLabel,
  isDnsSubdomain,
  isPathSegmentName,
  isPercentage,
  isQualifiedName,
  isValidPortName,
  isValidPortNumber,
  type NameCheck,
} from '@keelson/api';
import { sameJson } from './equality.ts';
import type { Field } from './field.ts';

export const MAX_INT32 = 2_147_483_647;
const MAX_UINT32 = 4_294_967_295;

export const PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];

/** Upstream's wording for a number out of its range. */
export function rangeMessage(min: number, max: number): string {
  return `must be between ${min} and ${max}, inclusive`;
}

/** Reports each message of `check` about `value`. */
export function checkText(check: NameCheck, value: string, at: Field): void {
  for (const message of check(value)) at.invalid(value, message);
}

/** As `checkText` for the field `name` of `parent`, without any cost if the value is fine. */
export function checkNamed(check: NameCheck, value: string | undefined, parent: Field, name: string): void {
  if (value === undefined || value === '') return;
  const messages = check(value);
  for (const message of messages) parent.child(name).invalid(value, message);
}

/** The field `name` must be there and not be empty. True if it is. */
export function checkPresent(value: unknown, parent: Field, name: string): boolean {
  if (value !== undefined && value !== null && value !== '') return true;
  parent.child(name).required();
  return false;
}

/** Required, and one of `supported`. */
export function checkChoice(value: string | undefined, supported: readonly string[], at: () => Field): void {
  if (value === undefined || value === '') at().required();
  else if (!supported.includes(value)) at().notSupported(value, supported);
}

/** One of `supported`, if it is there at all. */
export function checkOptionalChoice(value: string | undefined, supported: readonly string[], at: () => Field): void {
  if (value !== undefined && !supported.includes(value)) at().notSupported(value, supported);
}

export function checkNonNegative(value: number | undefined, parent: Field, name: string): void {
  if (value !== undefined && value < 0) parent.child(name).invalid(value, 'must be greater than or equal to 0');
}

export function checkRange(value: number | undefined, [min, max]: readonly [number, number], at: () => Field): void {
  if (value !== undefined && (value < min || value > max)) at().invalid(value, rangeMessage(min, max));
}

/** A user or group number. */
export function checkId(value: number | undefined, parent: Field, name: string): void {
  if (value !== undefined && (value < 0 || value > MAX_UINT32)) parent.child(name).invalid(value, rangeMessage(0, MAX_UINT32));
}

export function checkPort(value: number, at: Field): void {
  for (const message of isValidPortNumber(value)) at.invalid(value, message);
}

export function checkPortNumberOrName(port: number | string, at: Field): void {
  if (typeof port === 'number') checkPort(port, at);
  else checkText(isValidPortName, port, at);
}

export function checkDnsLabel(value: string | undefined, parent: Field, name: string): void {
  if (checkPresent(value, parent, name)) checkNamed(isDnsLabel, value, parent, name);
}

/** A key of a label. */
export function checkLabelKey(value: string | undefined, at: Field): void {
  checkText(isQualifiedName, value ?? '', at);
}

/** A number of at least 0, or a percentage. */
export function checkIntOrPercent(value: number | string | undefined, parent: Field, name: string): void {
  if (typeof value === 'number') checkNonNegative(value, parent, name);
  else if (value !== undefined) checkText(isPercentage, value, parent.child(name));
}

/** Percentages over 100 make no sense where a part of the whole is meant. */
export function checkAtMostAll(value: number | string | undefined, parent: Field, name: string): void {
  if (typeof value !== 'string' || !/^\d+%$/.test(value) || Number.parseInt(value, 10) <= 100) return;
  parent.child(name).invalid(value, 'must not be greater than 100%');
}

/** A path that stays below the folder that it is relative to. */
export function checkDescendingPath(path: string, at: Field): void {
  if (path.startsWith('/')) at.invalid(path, 'must be a relative path');
  checkNoBacksteps(path, at);
}

export function checkNoBacksteps(path: string, at: Field): void {
  if (path.split('/').includes('..')) at.invalid(path, "must not contain '..'");
}

/** The field `name` may not change; how `old` and `value` mean the same to Kubernetes is said by `sameJson`. */
export function checkFixed(value: unknown, old: unknown, parent: Field, name: string): void {
  if (!sameJson(value, old)) parent.child(name).invalid(value, FIXED);
}

export const FIXED = 'field is immutable';

/** The field `name`: there, and fit to be part of a URL. */
export function checkPathSegment(value: string | undefined, parent: Field, name: string): void {
  if (checkPresent(value, parent, name)) checkNamed(isPathSegmentName, value, parent, name);
}

const HTTP_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const PATH_MESSAGE = `Invalid path (regex used for validation is '${HTTP_PATH.source.slice(1, -1)}')`;

/** `example.com/name`: which controller something is for. */
export function checkDomainPrefixedPath(value: string, at: Field): void {
  if (value === '') return at.required();
  const slash = value.indexOf('/');
  const [domain, path] = [value.slice(0, slash), value.slice(slash + 1)];
  if (slash < 1 || path === '') return at.invalid(value, 'must be a domain-prefixed path (such as "acme.io/foo")');
  for (const message of isDnsSubdomain(domain)) at.invalid(domain, message);
  if (!HTTP_PATH.test(path)) at.invalid(path, PATH_MESSAGE);
}

const DRIVER_NAME_BYTES = 63;

/** The name of a driver of storage or of devices. */
export function checkDriverName(value: string | undefined, at: Field): void {
  if (value === undefined || value === '') return at.required();
  if (value.length > DRIVER_NAME_BYTES) at.tooLong(DRIVER_NAME_BYTES);
  for (const message of isDnsSubdomain(value.toLowerCase())) at.invalid(value, message);
}
