import type { Pod } from '@keelson/api/core/v1';

interface Admitted {
  readonly pod: Pod;
  readonly addresses: readonly string[];
  /** The API had it once: when it no longer has it, it is gone. */
  wasKnown: boolean;
}

/** Pods of this node that have addresses which the API does not know yet. By name, since the copy of a static pod in the API has another uid. */
export class AdmittedPods {
  readonly #byName = new Map<string, Admitted>();

  /** True if that is news. */
  add(pod: Pod, addresses: readonly string[]): boolean {
    const before = this.#byName.get(nameOf(pod));
    const isSame = before?.pod.metadata?.uid === pod.metadata?.uid && before?.addresses.join() === addresses.join();
    if (isSame) return false;
    this.#byName.set(nameOf(pod), { pod, addresses, wasKnown: false });
    return true;
  }

  /** The pods of the API, with the newest addresses of those that were admitted, and those that the API has not told of yet. */
  complete(pods: readonly Pod[]): readonly Pod[] {
    if (this.#byName.size === 0) return pods;
    const unknown = new Set(this.#byName.keys());
    const known = pods.map((pod) => {
      const admitted = this.#byName.get(nameOf(pod));
      if (!admitted) return pod;
      unknown.delete(nameOf(pod));
      admitted.wasKnown = true;
      const told = new Set(pod.status?.podIPs?.map(({ ip }) => ip));
      if (!admitted.addresses.every((address) => told.has(address))) return withAddresses(pod, admitted.addresses);
      this.#byName.delete(nameOf(pod));
      return pod;
    });
    return [...known, ...[...unknown].flatMap((name) => this.#unknown(name))];
  }

  #unknown(name: string): readonly Pod[] {
    const admitted = this.#byName.get(name);
    if (!admitted) return [];
    if (!admitted.wasKnown) return [withAddresses(admitted.pod, admitted.addresses)];
    this.#byName.delete(name);
    return [];
  }
}

function withAddresses(pod: Pod, addresses: readonly string[]): Pod {
  return { ...pod, status: { ...pod.status, podIPs: addresses.map((ip) => ({ ip })) } };
}

function nameOf({ metadata }: Pod): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
