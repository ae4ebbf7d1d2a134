import { KeelsonError } from '@keelson/base';

const PERCENT = /^\d+%$/;

/** A number as it is; `25%` as that share of `total`, rounded up (as for maxSurge) or down (as for maxUnavailable). */
export function resolveIntOrPercent(value: number | string, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  if (!PERCENT.test(value))
    throw new KeelsonError('BadRequest', `invalid value for IntOrString: "${value}" is neither an integer nor a percentage`);
  const share = (Number(value.slice(0, -1)) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}
