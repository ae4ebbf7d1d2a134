import {
  AUTHORIZER,
  authorizerValue,
  compile,
  declaredMap,
  declaredObject,
  declaredString,
  environment,
  fromJson,
  PER_CALL_LIMIT,
  RESOURCE_CHECK,
  resourceCheckValue,
  type AccessAnswer,
  type AccessQuestion,
  type Activation,
  type CelType,
  type CelValue,
  type Compiled,
  type CompileFailure,
  type DeclaredType,
  type Environment,
  type Outcome,
  type StructTypes,
} from '@keelson/cel';
import type { Authorizer } from '../../auth/contracts.ts';
import type { UserInfo } from '../../registry/strategy.ts';
import { fieldTerms } from '../../request/field-terms.ts';
import type { AdmissionRequest } from '../admission.ts';

/** How often an expression may wait for the authorizer; its cost allows two questions. */
const MAX_QUESTIONS = 10;

/** What expressions of policies and webhooks can name; `params` only with parameters, `variables` as far as they are known. */
export function admissionEnvironment(options: {
  readonly hasParams?: boolean;
  readonly variables?: ReadonlyMap<string, CelType>;
  readonly object?: DeclaredType | undefined;
  readonly params?: DeclaredType | undefined;
  /** What expressions can make. */
  readonly structs?: StructTypes;
}): Environment {
  const { hasParams = false, variables, object, params, structs } = options;
  const names = {
    object,
    oldObject: object,
    request: REQUEST,
    namespaceObject: undefined,
    authorizer: AUTHORIZER,
    'authorizer.requestResource': RESOURCE_CHECK,
    ...(hasParams && { params }),
    ...(variables && { variables: { kind: 'object', name: 'kubernetes.variables', parameters: [], fields: variables } as const }),
  };
  return environment(names, structs);
}

const text = (name: string) => [name, { property: name, declared: declaredString() }] as const;
const names = (name: string, ...fields: readonly string[]) => declaredObject(name, new Map(fields.map(text)));
const KIND = names('kubernetes.GroupVersionKind', 'group', 'version', 'kind');
const RESOURCE = names('kubernetes.GroupVersionResource', 'group', 'version', 'resource');
const TEXTS: DeclaredType = {
  type: { kind: 'list', name: 'list', parameters: [declaredString().type] },
  maxElements: 1_000_000,
  minSizeBytes: 2,
  element: declaredString(),
};
const USER = declaredObject(
  'kubernetes.UserInfo',
  new Map([
    text('username'),
    text('uid'),
    ['groups', { property: 'groups', declared: TEXTS }],
    ['extra', { property: 'extra', declared: declaredMap(TEXTS) }],
  ]),
);
const REQUEST = declaredObject(
  'kubernetes.AdmissionRequest',
  new Map([
    ['kind', { property: 'kind', declared: KIND }],
    ['resource', { property: 'resource', declared: RESOURCE }],
    text('subResource'),
    ['requestKind', { property: 'requestKind', declared: KIND }],
    ['requestResource', { property: 'requestResource', declared: RESOURCE }],
    text('requestSubResource'),
    text('name'),
    text('namespace'),
    text('operation'),
    ['userInfo', { property: 'userInfo', declared: USER }],
    [
      'dryRun',
      { property: 'dryRun', declared: { type: { kind: 'bool', name: 'bool', parameters: [] }, maxElements: 0, minSizeBytes: 4 } },
    ],
    [
      'options',
      {
        property: 'options',
        declared: { type: { kind: 'dyn', name: 'dyn', parameters: [] }, maxElements: 1_000_000, minSizeBytes: 2 },
      },
    ],
  ]),
);

/** The values of what expressions can name. */
export interface AdmissionValues {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: object;
  readonly params?: unknown;
  readonly namespaceObject?: unknown;
}

/** An expression compiled for admission, or why it is none. */
export type AdmissionExpression = { readonly text: string; readonly compiled: Compiled | CompileFailure };

/** Of what is still to be judged, an expression may be missing. */
export function admissionExpression(given: string | undefined, world: Environment): AdmissionExpression {
  const text = given ?? '';
  return { text, compiled: compile(text, world) };
}

/** Thrown within an expression to wait for the authorizer; it runs again when the answer is known. */
class Undecided extends Error {
  readonly key: string;
  readonly question: AccessQuestion;

  constructor(key: string, question: AccessQuestion) {
    super('the authorizer is being asked');
    this.key = key;
    this.question = question;
  }
}

/** What is known while one request is judged: what the authorizer has answered is asked once. */
export class AdmissionSession {
  readonly #request: AdmissionRequest;
  readonly #authorizer: Authorizer | undefined;
  readonly #answers = new Map<string, AccessAnswer>();

  constructor(request: AdmissionRequest, authorizer: Authorizer | undefined) {
    this.#request = request;
    this.#authorizer = authorizer;
  }

  /** The variables, read when an expression asks for them. */
  variables(values: AdmissionValues): Map<string, CelValue> {
    const { resource, subresource, namespace, name } = this.#request;
    const about = {
      group: resource.group,
      resource: resource.resource,
      ...(subresource !== '' && { subresource }),
      ...(namespace !== '' && { namespace }),
      ...(name !== '' && { name }),
    };
    return new Map<string, CelValue>([
      ['object', fromJson(values.object ?? null)],
      ['oldObject', fromJson(values.oldObject ?? null)],
      ['request', fromJson(values.request, REQUEST)],
      ['params', fromJson(values.params ?? null)],
      ['namespaceObject', fromJson(values.namespaceObject ?? null)],
      ['authorizer', authorizerValue(this.#check)],
      ['authorizer.requestResource', resourceCheckValue(this.#check, about)],
    ]);
  }

  /** Runs an expression, as often as it has to wait for the authorizer. */
  async run({ program }: Compiled, variables: Activation, limit = PER_CALL_LIMIT): Promise<Outcome> {
    for (let tries = 0; ; tries += 1) {
      try {
        return program.evaluate(variables, limit);
      } catch (error) {
        if (!(error instanceof Undecided) || tries >= MAX_QUESTIONS) throw error;
        this.#answers.set(error.key, await this.#ask(error.question));
      }
    }
  }

  readonly #check = (question: AccessQuestion): AccessAnswer => {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known) return known;
    throw new Undecided(key, question);
  };

  async #ask(question: AccessQuestion): Promise<AccessAnswer> {
    if (!this.#authorizer) return { allowed: true, reason: '' };
    const { verb, path, group = '', resource = '', subresource, namespace, name, fieldSelector } = question;
    const user = userOf(question, this.#request.userInfo);
    const fields = fieldTerms(fieldSelector);
    try {
      const attributes =
        path === undefined ? { resource: { group, version: '*', resource, subresource, namespace, name, fields } } : { path };
      const { allowed, reason = '' } = await this.#authorizer.authorize({ user, verb, ...attributes });
      return { allowed, reason };
    } catch (error) {
      return { allowed: false, reason: '', error: error instanceof Error ? error.message : String(error) };
    }
  }
}

function userOf({ serviceAccount }: AccessQuestion, user: UserInfo): UserInfo {
  if (!serviceAccount) return user;
  const { namespace, name } = serviceAccount;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { name: `system:serviceaccount:${namespace}:${name}`, groups };
}
