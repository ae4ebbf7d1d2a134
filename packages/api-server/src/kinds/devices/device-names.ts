import { isCIdentifier, isDnsSubdomain, isValidLabelValue } from '@keelson/api';
import type { DeviceTaint, DeviceToleration } from '@keelson/api/resource/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkDriverName, checkLabelKey, checkText } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';

const MAX_POOL_BYTES = 253;
const MAX_IDENTIFIER_BYTES = 32;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
const OPERATORS = ['Equal', 'Exists'];

/** Subdomains with slashes between. */
export function checkPoolName(name: string | undefined, at: Field): void {
  if (name === undefined || name === '') return at.required();
  if (Buffer.byteLength(name) > MAX_POOL_BYTES) at.tooLong(MAX_POOL_BYTES);
  for (const part of name.split('/')) checkText(isDnsSubdomain, part, at);
}

/** The name of an attribute or a capacity: `model`, `example.com/model`. */
export function checkQualifiedName(name: string, at: Field): void {
  if (name === '') return at.required('name required');
  const slash = name.indexOf('/');
  if (slash < 0) return checkIdentifier(name, at);
  const [domain, identifier] = [name.slice(0, slash), name.slice(slash + 1)];
  if (domain === '') at.invalid('', 'the domain must not be empty');
  else checkDriverName(domain, at);
  if (identifier === '') at.invalid('', 'the name must not be empty');
  else checkIdentifier(identifier, at);
}

export function checkFullyQualifiedName(name: string, at: Field): void {
  checkQualifiedName(name, at);
  if (!name.includes('/')) at.invalid(name, 'a fully qualified name must be a domain and a name separated by a slash');
}

function checkIdentifier(id: string, at: Field): void {
  if (Buffer.byteLength(id) > MAX_IDENTIFIER_BYTES) at.tooLong(MAX_IDENTIFIER_BYTES);
  checkText(isCIdentifier, id, at);
}

/** At most `max` items, none twice; if there are too many of them, they are not looked at. */
export function checkSet<T>(
  items: readonly T[] | undefined,
  at: Field,
  { max, key }: { readonly max: number; readonly key?: (item: T) => string },
  check: (item: T, at: Field) => void,
): void {
  if (items === undefined || items.length === 0) return;
  if (items.length > max) return at.tooMany(items.length, max);
  for (const [position, item] of items.entries()) check(item, at.index(position));
  if (key === undefined) return;
  const unique = new Unique();
  for (const [position, item] of items.entries()) {
    if (!unique.add(key(item))) at.index(position).duplicate(key(item));
  }
}

export function checkTaint(taint: DeviceTaint, at: Field): void {
  const { key = '', value = '', effect = '' } = asSent(taint);
  checkLabelKey(key, at.child('key'));
  if (value !== '') checkText(isValidLabelValue, value, at.child('value'));
  if (effect === '') at.child('effect').required();
  else if (!EFFECTS.includes(effect)) at.child('effect').notSupported(effect, EFFECTS);
}

export function checkDeviceTolerations(tolerations: readonly DeviceToleration[] | undefined, parent: Field): void {
  checkEach(tolerations, parent, 'tolerations', ({ key = '', value = '', operator = '', effect = '' }, at) => {
    if (key !== '') checkLabelKey(key, at.child('key'));
    if (operator === '') at.child('operator').required();
    else if (!OPERATORS.includes(operator)) at.child('operator').notSupported(operator, OPERATORS);
    if (operator === 'Exists' && value !== '') at.child('value').invalid(value, 'must be empty for operator `Exists`');
    if (operator === 'Equal') checkText(isValidLabelValue, value, at.child('value'));
    if (effect !== '' && !EFFECTS.includes(effect)) at.child('effect').notSupported(effect, EFFECTS);
  });
}
