import type { OwnerReference } from '@keelson/api/meta/v1';
import { identityOfOwner, identityText, type Identity } from './graph-node.ts';

const MAX_REMEMBERED = 5_000;

/** Owners that are known not to exist, the latest of them. They never come back, since a uid is never given twice. */
export class AbsentOwners {
  readonly #known = new Set<string>();

  add(identity: Identity): void {
    this.#known.add(identityText(identity));
    if (this.#known.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#known) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** Of a reference from an object in `namespace`. */
  has(reference: OwnerReference, namespace: string): boolean {
    const here = this.#known.has(identityText(identityOfOwner(reference, namespace)));
    return here || this.#known.has(identityText(identityOfOwner(reference, '')));
  }
}
