import { KeelsonError } from '@keelson/base';
import type { LabelSelector } from './generated/meta/v1.ts';
import {
  checkedRequirement,
  matchesRequirement,
  requirementText,
  type Labels,
  type LabelRequirement,
} from './label-requirement.ts';
import { LabelSelectorParser } from './label-selector-parser.ts';

/** All of some requirements on labels. `NotIn` also matches objects that lack the key, as Kubernetes does. */
export class LabelSelectorMatcher {
  /** Ordered by key. */
  readonly requirements: readonly LabelRequirement[];
  readonly #matchesNothing: boolean;

  constructor(requirements: readonly LabelRequirement[], matchesNothing = false) {
    this.requirements = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.#matchesNothing = matchesNothing;
  }

  /** True if it matches everything. */
  get isEmpty(): boolean {
    return !this.#matchesNothing && this.requirements.length === 0;
  }

  matches(labels: Labels): boolean {
    return !this.#matchesNothing && this.requirements.every((requirement) => matchesRequirement(requirement, labels));
  }

  /** As `kubectl --selector` takes it. */
  toString(): string {
    return this.requirements.map(requirementText).join(',');
  }
}

/** Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. Throws `BadRequest` with upstream's words. */
export function parseLabelSelector(text: string): LabelSelectorMatcher {
  return new LabelSelectorMatcher(new LabelSelectorParser(text).parse());
}

/** Of a `metav1.LabelSelector`: none selects nothing, an empty one everything. Throws `BadRequest` for what no selector may hold. */
export function labelSelectorFrom(selector: LabelSelector | undefined): LabelSelectorMatcher {
  if (!selector) return new LabelSelectorMatcher([], true);
  const labels = Object.entries(selector.matchLabels ?? {}).map(([key, value]) =>
    checkedRequirement({ key, operator: 'In', values: [value], exact: true }),
  );
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) =>
    checkedRequirement({ key: textOf(key), operator: selectorOperator(textOf(operator)), values: values ?? [] }),
  );
  return new LabelSelectorMatcher([...labels, ...expressions]);
}

/** What is required may be missing, in what nobody has validated. */
function textOf(text: string | undefined): string {
  return text ?? '';
}

function selectorOperator(text: string): 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' {
  if (text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist') return text;
  throw new KeelsonError('BadRequest', `"${text}" is not a valid label selector operator`);
}

/** Node affinity's operators: those of labels, and `Gt` and `Lt`, which compare whole numbers. */
export function matchesNodeRequirement(
  requirement: { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined },
  labels: Labels,
): boolean {
  const { key, operator, values = [] } = requirement;
  return matchesRequirement({ key, operator: nodeOperator(operator), values }, labels);
}

function nodeOperator(text: string): LabelRequirement['operator'] {
  if (text === 'Gt' || text === 'Lt') return text;
  if (text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist') return text;
  throw new KeelsonError('BadRequest', `"${text}" is not a valid node selector operator`);
}
