import { opaque } from '../types/cel-type.ts';
import type { CelOpaque } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

/** The type of the variable `authorizer`. */
export const AUTHORIZER = opaque('kubernetes.authorization.Authorizer');
/** The type of the variable `authorizer.requestResource`. */
export const RESOURCE_CHECK = opaque('kubernetes.authorization.ResourceCheck');
const PATH_CHECK = opaque('kubernetes.authorization.PathCheck');
const GROUP_CHECK = opaque('kubernetes.authorization.GroupCheck');
const DECISION = opaque('kubernetes.authorization.Decision');

/** What an expression asks an authorizer. */
export interface AccessQuestion {
  /** Absent: whoever makes the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb: string;
  /** For paths that are no resources. */
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** What it answers. */
export interface AccessAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** Decides at once. An asynchronous authorizer is asked through `DecisionCache`. */
export type AccessCheck = (question: AccessQuestion) => AccessAnswer;

class Value<T> implements CelOpaque {
  readonly kind = 'opaque';
  readonly type;
  readonly content: T;

  constructor(type: CelOpaque['type'], content: T) {
    this.type = type;
    this.content = content;
  }

  equals(other: CelOpaque): boolean {
    return this === other;
  }
}

interface Asking {
  readonly check: AccessCheck;
  readonly about: Omit<AccessQuestion, 'verb'>;
}

type Asker = Value<Asking>;
type Decision = Value<AccessAnswer>;

/** The value of the variable `authorizer`. */
export function authorizerValue(check: AccessCheck): CelOpaque {
  return new Value(AUTHORIZER, { check, about: {} });
}

/** The value of the variable `authorizer.requestResource`: what the request itself is about. */
export function resourceCheckValue(check: AccessCheck, about: Omit<AccessQuestion, 'verb'>): CelOpaque {
  return new Value(RESOURCE_CHECK, { check, about });
}

/** Kubernetes' questions to the authorizer. */
export function authorizerFunctions(): Overload[] {
  const [A, R] = [AUTHORIZER.name, RESOURCE_CHECK.name];
  const narrow = (name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector') =>
    overload(`resourcecheck_${name.toLowerCase()}`, `${R}.${name}(string) ${R}`, (asker: Asker, text: string) => {
      return more(asker, { [name]: text }, RESOURCE_CHECK);
    });
  return [
    overload('authorizer_path', `${A}.path(string) ${PATH_CHECK.name}`, (asker: Asker, path: string) =>
      more(asker, { path }, PATH_CHECK),
    ),
    overload('authorizer_group', `${A}.group(string) ${GROUP_CHECK.name}`, (asker: Asker, group: string) =>
      more(asker, { group }, GROUP_CHECK),
    ),
    overload(
      'authorizer_serviceaccount',
      `${A}.serviceAccount(string,string) ${A}`,
      (asker: Asker, namespace: string, name: string) => {
        return more(asker, { serviceAccount: { namespace, name } }, AUTHORIZER);
      },
    ),
    overload('groupcheck_resource', `${GROUP_CHECK.name}.resource(string) ${R}`, (asker: Asker, resource: string) =>
      more(asker, { resource }, RESOURCE_CHECK),
    ),
    ...(['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'] as const).map(narrow),
    overload('pathcheck_check', `${PATH_CHECK.name}.check(string) ${DECISION.name}`, decide),
    overload('resourcecheck_check', `${R}.check(string) ${DECISION.name}`, decide),
    overload('decision_allowed', `${DECISION.name}.allowed() bool`, ({ content }: Decision) => content.allowed),
    overload('decision_reason', `${DECISION.name}.reason() string`, ({ content }: Decision) => content.reason),
    overload('decision_errored', `${DECISION.name}.errored() bool`, ({ content }: Decision) => content.error !== undefined),
    overload('decision_error', `${DECISION.name}.error() string`, ({ content }: Decision) => content.error ?? ''),
  ];
}

function more({ content: { check, about } }: Asker, added: Partial<AccessQuestion>, type: CelOpaque['type']): Asker {
  return new Value(type, { check, about: { ...about, ...added } });
}

function decide({ content: { check, about } }: Asker, verb: string): Decision {
  return new Value(DECISION, check({ ...about, verb }));
}
