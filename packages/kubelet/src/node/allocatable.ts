import { parseQuantity, Quantity } from '@keelson/api';
import { amountOf, thresholdsOf, type Signal } from '../eviction/thresholds.ts';
import type { KubeletOptions } from '../options.ts';

const SIGNAL_OF: Readonly<Record<string, Signal>> = { memory: 'memory.available', 'ephemeral-storage': 'nodefs.available' };

/** Pure: what of a node's capacity pods may have: all but what is reserved, and what has to be left so that no pod is evicted. */
export function allocatableOf(
  capacity: Readonly<Record<string, string>>,
  { eviction, reserved = {} }: Pick<KubeletOptions, 'eviction' | 'reserved'>,
): Record<string, string> {
  const hard = eviction ? thresholdsOf(eviction).filter(({ isHard }) => isHard) : [];
  return Object.fromEntries(
    Object.entries(capacity).map(([name, text]) => {
      const whole = parseQuantity(text);
      const threshold = hard.find(({ signal }) => signal === SIGNAL_OF[name]);
      const kept = threshold ? Math.ceil(amountOf(threshold.amount, Number(whole.value()))) : 0;
      if (kept === 0 && reserved[name] === undefined) return [name, text];
      const left = whole.sub(parseQuantity(reserved[name] ?? '0')).sub(parseQuantity(kept));
      return [name, String(left.sign() < 0 ? Quantity.ZERO : left)];
    }),
  );
}
