/** What became of a claim, before the API shows it. */
type Assumption = { readonly volumeName: string } | { readonly nodeName: string };

/**
 * Claims for which a volume or a node was chosen and not written yet, so that pods that are placed meanwhile do not choose otherwise, nor take
 * the same volume. Of several pods with a claim the first one decides.
 */
export class AssumedClaims {
  readonly #byClaim = new Map<string, Assumption>();
  readonly #volumes = new Set<string>();

  /** False if something was assumed of the claim already: then it is not this caller's to take back. */
  assume(claimKey: string, assumption: Assumption): boolean {
    if (this.#byClaim.has(claimKey)) return false;
    this.#byClaim.set(claimKey, assumption);
    if ('volumeName' in assumption) this.#volumes.add(assumption.volumeName);
    return true;
  }

  forget(claimKey: string): void {
    const known = this.#byClaim.get(claimKey);
    this.#byClaim.delete(claimKey);
    if (known && 'volumeName' in known) this.#volumes.delete(known.volumeName);
  }

  volumeOf(claimKey: string): string | undefined {
    const known = this.#byClaim.get(claimKey);
    return known && 'volumeName' in known ? known.volumeName : undefined;
  }

  provisionedOn(claimKey: string): string | undefined {
    const known = this.#byClaim.get(claimKey);
    return known && 'nodeName' in known ? known.nodeName : undefined;
  }

  hasVolume(name: string): boolean {
    return this.#volumes.has(name);
  }
}
