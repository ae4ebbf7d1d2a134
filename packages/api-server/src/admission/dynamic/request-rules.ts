/** Which requests a rule is about: of webhooks and of admission policies. */
export interface RequestRule {
  readonly apiGroups?: readonly string[] | undefined;
  readonly apiVersions?: readonly string[] | undefined;
  readonly operations?: readonly string[] | undefined;
  /** `pods`, `pods/status`, `pods/*`, `*` for all that are no subresources, `*`/`*`. */
  readonly resources?: readonly string[] | undefined;
  readonly resourceNames?: readonly string[] | undefined;
  readonly scope?: string | undefined;
}

/** What a rule looks at. */
export interface RuledRequest {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly operation: string;
  readonly namespaced: boolean;
  readonly name: string;
}

export function ruleMatches(rule: RequestRule, request: RuledRequest): boolean {
  return (
    matchesScope(rule, request) &&
    includes(rule.operations, request.operation) &&
    includes(rule.apiGroups, request.group) &&
    includes(rule.apiVersions, request.version) &&
    matchesResource(rule, request) &&
    matchesName(rule, request)
  );
}

function includes(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted?.some((each) => each === '*' || each === value) === true;
}

/** A namespace is itself no member of a namespace. */
function matchesScope({ scope }: RequestRule, { namespaced, group, resource }: RuledRequest): boolean {
  if (scope === undefined || scope === '*') return true;
  const isIn = namespaced && !(group === '' && resource === 'namespaces');
  return scope === 'Namespaced' ? isIn : !isIn;
}

function matchesResource({ resources }: RequestRule, request: RuledRequest): boolean {
  return (resources ?? []).some((text) => {
    const [resource, subresource = ''] = text.split('/');
    const fits = resource === '*' || resource === request.resource;
    return fits && (subresource === '*' || subresource === request.subresource);
  });
}

function matchesName({ resourceNames }: RequestRule, { name }: RuledRequest): boolean {
  return resourceNames === undefined || resourceNames.length === 0 || resourceNames.includes(name);
}
