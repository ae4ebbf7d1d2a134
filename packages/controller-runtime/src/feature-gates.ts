import { KeelsonError } from '@keelson/base';

/** A feature that can be switched, and whether it is on if nobody says. */
export interface Feature {
  readonly default: boolean;
}

/** Features by name, some of them switched from their defaults. */
export class FeatureGates<Name extends string = string> {
  readonly #enabled: ReadonlyMap<string, boolean>;

  /** `Invalid` if `switched` names a feature that there is not: a word that is mistyped must not be without effect. */
  constructor(known: Readonly<Record<Name, Feature>>, switched: Readonly<Record<string, boolean>> = {}) {
    const enabled = new Map(Object.entries<Feature>(known).map(([name, feature]) => [name, feature.default]));
    for (const [name, value] of Object.entries(switched)) {
      if (!enabled.has(name)) {
        throw new KeelsonError(
          'Invalid',
          `There is no feature "${name}"; there are: ${[...enabled.keys()].join(', ') || 'none'}`,
        );
      }
      enabled.set(name, value);
    }
    this.#enabled = enabled;
  }

  enabled(name: Name): boolean {
    return this.#enabled.get(name) ?? false;
  }
}
