import { addressOf, addressText, familyOf, type IpFamily } from '@keelson/api';
import type { IPBlock } from '@keelson/api/networking/v1';

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** What blocks of one family hold, without their exceptions: `ADDRESS` or `FIRST-LAST`, in order, none touching another. */
export function rangesOf(blocks: readonly IPBlock[], family: IpFamily): readonly string[] {
  const ranges = blocks.filter(({ cidr }) => familyOf(cidr) === family).flatMap(rangesOfBlock);
  return merged(ranges).map(({ first, last }) => {
    const text = (value: bigint): string => addressText({ family, value });
    return first === last ? text(first) : `${text(first)}-${text(last)}`;
  });
}

/** An exception is one of its own block only: another block may hold the same addresses. */
function rangesOfBlock({ cidr, except = [] }: IPBlock): readonly Range[] {
  return except.map(rangeOfCidr).reduce<readonly Range[]>(without, [rangeOfCidr(cidr)]);
}

function rangeOfCidr(cidr: string): Range {
  const [text = '', length] = cidr.split('/');
  const { family, value } = addressOf(text);
  const bits = family === 'IPv4' ? 32 : 128;
  const size = 1n << BigInt(bits - Number(length ?? bits));
  const first = (value / size) * size;
  return { first, last: first + size - 1n };
}

function without(ranges: readonly Range[], hole: Range): readonly Range[] {
  return ranges.flatMap((range) => {
    if (hole.last < range.first || hole.first > range.last) return [range];
    return [
      { first: range.first, last: hole.first - 1n },
      { first: hole.last + 1n, last: range.last },
    ].filter(({ first, last }) => first <= last);
  });
}

function merged(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = result.at(-1);
    if (!before || range.first > before.last + 1n) result.push(range);
    else if (range.last > before.last) result[result.length - 1] = { first: before.first, last: range.last };
  }
  return result;
}
