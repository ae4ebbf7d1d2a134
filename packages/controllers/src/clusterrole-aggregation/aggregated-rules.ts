import { deepEqual, labelSelectorFrom, nameOf } from '@keelson/api';
import type { ClusterRole, PolicyRule } from '@keelson/api/rbac/v1';

/** The rules that an aggregated role has of `all`: selector by selector, the roles of each by name, equal rules once, none of its own. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] {
  const byName = all.filter((other) => nameOf(other) !== nameOf(role)).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const { matches } = matcherOf(selector);
    for (const rule of byName.filter(matches).flatMap((other) => other.rules ?? [])) {
      if (!rules.some((known) => deepEqual(known, rule))) rules.push(rule);
    }
  }
  return rules;
}

function matcherOf(selector: Parameters<typeof labelSelectorFrom>[0]): { readonly matches: (role: ClusterRole) => boolean } {
  const labels = labelSelectorFrom(selector);
  return { matches: ({ metadata }) => labels.matches(metadata?.labels) };
}
