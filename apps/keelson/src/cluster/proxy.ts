import type { Lifecycle } from '@keelson/base';
import type { ComponentContext } from './component-context.ts';

/** One proxy serves all nodes of the process, since they share the machine's network. */
export async function addProxy(_parts: Lifecycle, { settings }: ComponentContext): Promise<void> {
  if (settings.proxyMode === 'none') return;
}
