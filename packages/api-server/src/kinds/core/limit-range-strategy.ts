import type { LimitRange, LimitRangeItem } from '@keelson/api/core/v1';
import { isQualifiedName } from '@keelson/api';
import type { Strategy } from '../../registry/strategy.ts';
import { checkText } from '../../validation/checks.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import {
  checkContainerResourceName,
  checkResourceAmount,
  checkResourceName,
  isOvercommitAllowed,
  quantityOf,
} from '../../validation/quantities.ts';

const TYPES = ['Container', 'PersistentVolumeClaim', 'Pod'];
const AMOUNTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

export const limitRangeStrategy: Strategy<LimitRange> = {
  setDefaults({ spec }) {
    for (const item of spec?.limits ?? []) {
      if (item.type === 'Container') setContainerLimits(item);
    }
  },
  validate: ({ spec }) => Field.collect((at) => checkLimits(spec?.limits, at.child('spec'))),
  allowCreateOnUpdate: true,
};

/** A maximum is the default, a default or minimum the default request, where nothing else is said. */
function setContainerLimits(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default };
  if (Object.keys(limits).length > 0) item.default = limits;
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function checkLimits(limits: readonly LimitRangeItem[] | undefined, parent: Field): void {
  const types = new Unique();
  checkEach(limits, parent, 'limits', (item, at) => {
    checkType(item.type ?? '', at.child('type'));
    if (!types.add(item.type ?? '')) at.child('type').duplicate(item.type);
    for (const field of AMOUNTS) checkAmounts(item, field, at);
    const names = new Set(AMOUNTS.flatMap((field) => Object.keys(item[field] ?? {})));
    if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined)
      at.child('limits').required('either minimum or maximum storage value is required, but neither was provided');
    for (const name of names) checkOrder(item, name, at);
  });
}

function checkType(type: string, at: Field): void {
  checkText(isQualifiedName, type, at);
  if (!type.includes('/') && !TYPES.includes(type)) at.invalid(type, 'must be a standard limit type or fully qualified');
}

function checkAmounts(item: LimitRangeItem, field: (typeof AMOUNTS)[number], parent: Field): void {
  const amounts = item[field];
  if (amounts === undefined) return;
  const at = parent.child(field);
  const isDefault = field === 'default' || field === 'defaultRequest';
  if (item.type === 'Pod' && isDefault) return at.forbidden("may not be specified when `type` is 'Pod'");
  const checkName = item.type === 'Pod' || item.type === 'Container' ? checkContainerResourceName : checkResourceName;
  for (const name in amounts) {
    checkName(name, at.key(name));
    checkResourceAmount(name, amounts[name] ?? '0', at.key(name));
  }
}

/** Which amounts may not be more than which, the field that is told of it, the amount that is shown, and their words. */
const ORDER = [
  { low: 'min', high: 'max', at: 'min', shown: 'min', words: ['min', 'max'] },
  { low: 'min', high: 'defaultRequest', at: 'defaultRequest', shown: 'defaultRequest', words: ['min', 'default request'] },
  { low: 'defaultRequest', high: 'max', at: 'defaultRequest', shown: 'defaultRequest', words: ['default request', 'max'] },
  {
    low: 'defaultRequest',
    high: 'default',
    at: 'defaultRequest',
    shown: 'defaultRequest',
    words: ['default request', 'default limit'],
  },
  { low: 'min', high: 'default', at: 'default', shown: 'min', words: ['min', 'default'] },
  { low: 'default', high: 'max', at: 'default', shown: 'max', words: ['default', 'max'] },
] as const;

function checkOrder(item: LimitRangeItem, name: string, at: Field): void {
  const amount = (field: (typeof AMOUNTS)[number]) => {
    const text = item[field]?.[name];
    return text === undefined ? undefined : quantityOf(text);
  };
  for (const { low, high, at: field, shown, words } of ORDER) {
    const [less, more] = [amount(low), amount(high)];
    if (less === undefined || more === undefined || less.cmp(more) <= 0) continue;
    const problem = `${words[0]} value ${less} is greater than ${words[1]} value ${more}`;
    at.child(field)
      .key(name)
      .invalid(String(amount(shown)), problem);
  }
  const ratio = amount('maxLimitRequestRatio');
  if (ratio !== undefined && ratio.cmp(quantityOf(1)) < 0)
    at.child('maxLimitRequestRatio').key(name).invalid(String(ratio), `ratio ${ratio} is less than 1`);
  const [limit, request] = [amount('default'), amount('defaultRequest')];
  if (limit === undefined || request === undefined || isOvercommitAllowed(name) || limit.cmp(request) === 0) return;
  const problem = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
  at.child('defaultRequest').key(name).invalid(String(request), problem);
}
