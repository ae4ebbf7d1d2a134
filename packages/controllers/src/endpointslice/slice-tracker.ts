import { keyOf } from '@keelson/api';
import type { EndpointSlice } from '@keelson/api/discovery/v1';

const GONE = 'gone';

/**
 * What was written of the slices of each Service, to tell a cache that has not seen it yet from one that shows what others did. Who plans
 * on a cache that lacks a slice just created makes it twice.
 */
export class SliceTracker {
  /** Of a Service, the last version written of each slice, by uid. */
  readonly #written = new Map<string, Map<string, bigint | typeof GONE>>();

  noteWrite(service: string, slice: EndpointSlice): void {
    this.#of(service).set(slice.metadata?.uid ?? keyOf(slice), versionOf(slice));
  }

  noteDelete(service: string, slice: EndpointSlice): void {
    this.#of(service).set(slice.metadata?.uid ?? keyOf(slice), GONE);
  }

  /** True if the cache shows these slices, and something of what was written is missing in them. */
  isBehind(service: string, cached: readonly EndpointSlice[]): boolean {
    const written = this.#written.get(service);
    if (!written) return false;
    const versions = new Map(cached.map((slice) => [slice.metadata?.uid, versionOf(slice)]));
    for (const [uid, version] of written) {
      const seen = versions.get(uid);
      if (version === GONE ? seen !== undefined : seen === undefined || seen < version) return true;
    }
    return false;
  }

  /** True if the change that a cache shows is one of our own. */
  isOwn(service: string, slice: EndpointSlice, isDeleted: boolean): boolean {
    const version = this.#written.get(service)?.get(slice.metadata?.uid ?? keyOf(slice));
    if (version === undefined) return false;
    return version === GONE ? isDeleted : !isDeleted && versionOf(slice) <= version;
  }

  /** The cache shows that it is gone. */
  forgetSlice(service: string, slice: EndpointSlice): void {
    const written = this.#written.get(service);
    written?.delete(slice.metadata?.uid ?? keyOf(slice));
    if (written?.size === 0) this.#written.delete(service);
  }

  forget(service: string): void {
    this.#written.delete(service);
  }

  #of(service: string): Map<string, bigint | typeof GONE> {
    const known = this.#written.get(service);
    if (known) return known;
    const made = new Map<string, bigint | typeof GONE>();
    this.#written.set(service, made);
    return made;
  }
}

function versionOf({ metadata }: EndpointSlice): bigint {
  return BigInt(metadata?.resourceVersion ?? 0);
}
