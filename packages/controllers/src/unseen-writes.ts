import type { KubernetesObject } from '@keelson/api';
import type { Clock } from '@keelson/base';

interface Dependencies {
  readonly clock: Clock;
  /** The cache of what is written. */
  readonly cache: { readonly resourceVersion: string | undefined };
}

/** After so long what is still missing counts as seen: versions may have been set back, and waiting on would block the key for ever. */
const TIMEOUT_MS = 5 * 60_000;

/**
 * The last thing that was written for each key and that the cache may not show yet. Whoever decides by several objects together must wait for
 * it: a version in the write only protects the one object that is written. Example: a set was scaled up, and the cache still shows it empty;
 * then another one must not be given the same room.
 */
export class UnseenWrites {
  readonly #clock: Clock;
  readonly #cache: Dependencies['cache'];
  readonly #written = new Map<string, { readonly version: string; readonly sinceMs: number }>();

  constructor({ clock, cache }: Dependencies) {
    this.#clock = clock;
    this.#cache = cache;
  }

  note(key: string, { metadata }: KubernetesObject): void {
    const version = metadata?.resourceVersion ?? '';
    if (/^\d+$/.test(version)) this.#written.set(key, { version, sinceMs: this.#clock.monotonic() });
  }

  /** How long at most to wait for the cache; 0 if it shows all. */
  waitMs(key: string): number {
    const written = this.#written.get(key);
    if (!written) return 0;
    const leftMs = written.sinceMs + TIMEOUT_MS - this.#clock.monotonic();
    if (leftMs > 0 && isOlder(this.#cache.resourceVersion, written.version)) return leftMs;
    this.#written.delete(key);
    return 0;
  }

  forget(key: string): void {
    this.#written.delete(key);
  }
}

/** Versions are decimal numbers of any length; of anything else nothing is known. */
function isOlder(version: string | undefined, than: string): boolean {
  return version !== undefined && /^\d+$/.test(version) && BigInt(version) < BigInt(than);
}
