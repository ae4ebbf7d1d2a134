import { KeelsonError } from '@keelson/base';
import { isQualifiedName, isValidLabelValue } from './validation/names.ts';

export type LabelOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

/** One condition on one label. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
  /** Written as `key=value` or `key!=value`; the same as `In` or `NotIn` with one value. */
  readonly exact?: true;
}

export type Labels = Readonly<Record<string, string>> | undefined;

/** `NotIn` also matches where the key is missing, as in Kubernetes. `Gt` and `Lt` compare whole numbers, and match nothing else. */
export function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt':
      return compares(operator, value, values[0]);
  }
}

function compares(operator: 'Gt' | 'Lt', have: string | undefined, want: string | undefined): boolean {
  if (!isInteger(have) || !isInteger(want)) return false;
  return operator === 'Gt' ? BigInt(have) > BigInt(want) : BigInt(have) < BigInt(want);
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d{1,19}$/.test(text);
}

/** As `kubectl --selector` takes it. */
export function requirementText({ key, operator, values, exact }: LabelRequirement): string {
  switch (operator) {
    case 'In':
      return exact ? `${key}=${values[0]}` : `${key} in (${[...values].sort().join(',')})`;
    case 'NotIn':
      return exact ? `${key}!=${values[0]}` : `${key} notin (${[...values].sort().join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'Gt':
      return `${key}>${values[0]}`;
    case 'Lt':
      return `${key}<${values[0]}`;
  }
}

/** The requirement, if key and values are what Kubernetes allows; throws `BadRequest` with upstream's words otherwise. */
export function checkedRequirement(requirement: LabelRequirement): LabelRequirement {
  const messages = [...wrongKey(requirement.key), ...wrongValues(requirement)];
  if (messages.length === 0) return requirement;
  throw new KeelsonError('BadRequest', messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`);
}

function wrongKey(key: string): string[] {
  const messages = isQualifiedName(key);
  return messages.length === 0 ? [] : [`key: Invalid value: "${key}": ${messages.join('; ')}`];
}

function wrongValues({ key, operator, values }: LabelRequirement): string[] {
  const messages = values.flatMap((value, at) => {
    const wrong = isValidLabelValue(value);
    return wrong.length === 0 ? [] : [`values[${at}][${key}]: Invalid value: "${value}": ${wrong.join('; ')}`];
  });
  const isSet = operator === 'In' || operator === 'NotIn';
  const isUnary = operator === 'Exists' || operator === 'DoesNotExist';
  if (isSet && values.length === 0) {
    messages.unshift("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
  } else if (isUnary && values.length > 0) {
    messages.unshift(`values: Invalid value: ${JSON.stringify(values)}: values set must be empty for exists and does not exist`);
  } else if (!isSet && !isUnary && !isInteger(values[0])) {
    messages.unshift(`values[0]: Invalid value: "${values[0] ?? ''}": for 'Gt', 'Lt' operators, the value must be an integer`);
  }
  return messages;
}
