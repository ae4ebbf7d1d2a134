import type { Container } from '@keelson/api/core/v1';
import { expect } from 'vitest';

/** A container, `web` unless named, that runs a script in a shell. */
export function script(text: string, more: Partial<Container> = {}): Container {
  return { name: 'web', command: ['sh', '-c', text], ...more };
}

/** Runs until it is told to end, and ends at once then. */
export const FOREVER = "trap 'exit 0' TERM; sleep 3600 & wait";

export function forever(name = 'web', more: Partial<Container> = {}): Container {
  return script(FOREVER, { name, ...more });
}

/** Sets itself up with `text` first. */
export function after(text: string, more: Partial<Container> = {}): Container {
  return script(`${text}; ${FOREVER}`, more);
}

/** How often a container was restarted that is restarted again and again: a look may come late. */
export const AT_LEAST_ONCE: unknown = expect.toSatisfy((count: number) => count > 0);

export const RUNNING = { state: { running: {} } } as const;
