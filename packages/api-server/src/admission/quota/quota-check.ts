import {
  isInQuotaScope,
  parseQuantity,
  Quantity,
  quotaEvaluator,
  resourceAmounts,
  type KubernetesObject,
  type QuotaEvaluator,
  type ResourceAmounts,
} from '@keelson/api';
import type { ResourceQuota } from '@keelson/api/core/v1';
import type { AdmissionRequest } from '../admission.ts';

/** A request as quotas see it. */
export interface QuotaCharge {
  readonly evaluator: QuotaEvaluator;
  readonly object: KubernetesObject;
  /** What it needs more than before; may be negative. */
  readonly needs: ResourceAmounts;
}

/** `undefined` if no quota can be concerned. */
export function chargeOf({ operation, resource, object, oldObject }: AdmissionRequest, nowMs: number): QuotaCharge | undefined {
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  const evaluator = quotaEvaluator(resource.group, resource.resource);
  const isResize = resource.group === '' && resource.resource === 'pods';
  if (operation === 'UPDATE' && !evaluator.countsUpdates && !isResize) return undefined;
  const needs = new Map(evaluator.usage(object, nowMs));
  for (const [name, amount] of oldObject ? evaluator.usage(oldObject, nowMs) : [])
    needs.set(name, (needs.get(name) ?? Quantity.ZERO).sub(amount));
  return { evaluator, object, needs: new Map([...needs].filter(([, amount]) => !amount.isZero())) };
}

export type QuotaVerdict =
  | { readonly type: 'refused'; readonly message: string }
  /** What is used with it, if that is more. */
  | { readonly type: 'allowed'; readonly used: Readonly<Record<string, string>> | undefined };

const UNCHANGED: QuotaVerdict = { type: 'allowed', used: undefined };

/** What one quota says. It limits only what its status has taken over from its spec, together with what is used. */
export function judgeByQuota(quota: ResourceQuota, { evaluator, object, needs }: QuotaCharge): QuotaVerdict {
  const { hard = {}, used = {} } = quota.status ?? {};
  const limited = evaluator.matching(Object.keys(hard));
  if (limited.length === 0 || !isInQuotaScope(quota, evaluator, object)) return UNCHANGED;
  const name = quota.metadata?.name ?? '';
  const problem = evaluator.problem(limited, object);
  if (problem !== undefined) return refused(`failed quota: ${name}: ${problem}`);
  if (limited.some((each) => used[each] === undefined))
    return refused(`status unknown for quota: ${name}, resources: ${limited.toSorted().join(',')}`);
  const charged = limited.filter((each) => needs.has(each));
  if (charged.length === 0) return UNCHANGED;
  return charge({ name, hard, used }, charged, needs);
}

function charge(
  { name, hard, used }: { readonly name: string; readonly hard: Record<string, string>; readonly used: Record<string, string> },
  charged: readonly string[],
  needs: ResourceAmounts,
): QuotaVerdict {
  const next: Record<string, string> = { ...used };
  const exceeded: string[] = [];
  let isMore = false;
  for (const each of charged) {
    const need = needs.get(each) ?? Quantity.ZERO;
    const total = parseQuantity(used[each] ?? '0').add(need);
    if (need.sign() > 0 && total.cmp(parseQuantity(hard[each] ?? '0')) > 0) exceeded.push(each);
    isMore ||= need.sign() > 0;
    next[each] = total.toString();
  }
  if (exceeded.length > 0) {
    const list = (amounts: ResourceAmounts): string =>
      exceeded
        .toSorted()
        .map((each) => `${each}=${amounts.get(each)}`)
        .join(',');
    const [usedNow, most] = [list(resourceAmounts(used)), list(resourceAmounts(hard))];
    return refused(`exceeded quota: ${name}, requested: ${list(needs)}, used: ${usedNow}, limited: ${most}`);
  }
  // What has become less is found by those who count; until then it is still used.
  return isMore ? { type: 'allowed', used: next } : UNCHANGED;
}

function refused(message: string): QuotaVerdict {
  return { type: 'refused', message };
}
