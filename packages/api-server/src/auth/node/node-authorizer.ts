import type { PolicyRule } from '@keelson/api/rbac/v1';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../contracts.ts';
import { allows } from '../rbac.ts';
import { nodeOf } from './node-identity.ts';
import type { NodeRelations } from './node-relations.ts';

const ALLOWED: AuthorizationDecision = { allowed: true };
const UNKNOWN: AuthorizationDecision = { allowed: false };
const LEASES = 'kube-node-lease';

type Resource = NonNullable<AuthorizationAttributes['resource']>;

/** A request of a kubelet. */
interface Asked extends Resource {
  readonly node: string;
  readonly verb: string;
}

type Relations = Pick<NodeRelations, 'has'>;
type Verdict = AuthorizationDecision | Promise<AuthorizationDecision>;
type Judge = (asked: Asked, relations: Relations) => Verdict;

/**
 * Lets each kubelet, which is the user `system:node:NAME` of the group `system:nodes`, do what it must on its own node, and see what the pods
 * there need (kubernetes.io/docs/reference/access-authn-authz/node). Has no opinion of anybody else. What it cannot judge without the
 * object, such as whose node is updated, the admission plugin NodeRestriction judges.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #relations: Relations;
  readonly #rules: readonly PolicyRule[];

  /** `rules` hold for all kubelets, where nothing narrower is known. */
  constructor(relations: Relations, rules: readonly PolicyRule[]) {
    this.#relations = relations;
    this.#rules = rules;
  }

  /** Hot path: every request, but more than a look at the user's name only for kubelets. */
  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const node = nodeOf(attributes.user);
    if (node === undefined) return UNKNOWN;
    if (node === '') return denied(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    const { verb, resource } = attributes;
    const judge = resource && JUDGES[resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`];
    if (judge) return judge({ ...resource, node, verb }, this.#relations);
    return this.#rules.some((rule) => allows(rule, attributes)) ? ALLOWED : UNKNOWN;
  }
}

/** By what is asked for. */
const JUDGES: Readonly<Record<string, Judge | undefined>> = {
  secrets: readNamespaced,
  configmaps: readNamespaced,
  persistentvolumeclaims: useClaim,
  persistentvolumes: getOne,
  'resourceclaims.resource.k8s.io': getOne,
  'volumeattachments.storage.k8s.io': getOne,
  serviceaccounts: useAccount,
  'leases.coordination.k8s.io': useLease,
  'csinodes.storage.k8s.io': useCsiNode,
  'resourceslices.resource.k8s.io': useSlice,
  nodes: useNode,
  pods: usePod,
};

const READ = ['get', 'list', 'watch'];
const WRITE = ['update', 'patch'];
const OWN = ['get', 'create', 'update', 'patch', 'delete'];

function readNamespaced(asked: Asked, relations: Relations): Verdict {
  if (!READ.includes(asked.verb)) return denied('can only read resources of this type');
  if (asked.subresource) return denied('cannot read subresource');
  if (!asked.namespace) return denied('can only read namespaced object of this type');
  return related(asked, relations);
}

function getOne(asked: Asked, relations: Relations): Verdict {
  if (asked.verb !== 'get') return denied('can only get individual resources of this type');
  if (asked.subresource) return denied('cannot get subresource');
  return related(asked, relations);
}

function useClaim(asked: Asked, relations: Relations): Verdict {
  if (asked.subresource !== 'status') return getOne(asked, relations);
  if (!WRITE.includes(asked.verb)) return denied('can only get/update/patch this type');
  return related(asked, relations);
}

/** Reading an account is for those who give its tokens to registries. */
function useAccount(asked: Asked, relations: Relations): Verdict {
  if (asked.verb === 'get' && !asked.subresource) return related(asked, relations);
  if (asked.verb !== 'create' || !asked.name) return denied('can only create tokens for individual service accounts');
  if (asked.subresource !== 'token') return denied('can only create token subresource of serviceaccount');
  return related(asked, relations);
}

/** The name of what is created is not known yet. */
function isOwn({ verb, name, node }: Asked): boolean {
  return verb === 'create' || name === node;
}

function useLease(asked: Asked): Verdict {
  if (!OWN.includes(asked.verb)) return denied('can only get, create, update, patch, or delete a node lease');
  if (asked.namespace !== LEASES) return denied(`can only access leases in the "${LEASES}" system namespace`);
  return isOwn(asked) ? ALLOWED : denied('can only access node lease with the same name as the requesting node');
}

function useCsiNode(asked: Asked): Verdict {
  if (!OWN.includes(asked.verb)) return denied('can only get, create, update, patch, or delete a CSINode');
  if (asked.subresource) return denied('cannot authorize CSINode subresources');
  return isOwn(asked) ? ALLOWED : denied('can only access CSINode with the same name as the requesting node');
}

const SLICE_VERBS = 'get, watch, list, create, update, patch, delete, deletecollection';

function useSlice(asked: Asked, relations: Relations): Verdict {
  if (asked.subresource) return denied('cannot authorize ResourceSlice subresources');
  switch (asked.verb) {
    case 'create':
      return ALLOWED;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return related(asked, relations);
    case 'list':
    case 'watch':
    case 'deletecollection':
      if (selects(asked, 'nodeName') || selects(asked, 'spec.nodeName')) return ALLOWED;
      return denied('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return denied(`only the following verbs are allowed for a ResourceSlice: ${SLICE_VERBS}`);
  }
}

function useNode({ verb, subresource, name, node }: Asked): Verdict {
  if (subresource) return subresource === 'status' && WRITE.includes(verb) ? ALLOWED : UNKNOWN;
  if (verb === 'create' || WRITE.includes(verb)) return ALLOWED;
  if (!READ.includes(verb)) return UNKNOWN;
  if (name === node) return ALLOWED;
  const what = name ? `'${name}'` : 'all nodes';
  return denied(`node '${node}' cannot read ${what}, only its own Node object`);
}

function usePod(asked: Asked, relations: Relations): Verdict {
  const { verb, subresource } = asked;
  if (subresource === 'status') return WRITE.includes(verb) ? ALLOWED : UNKNOWN;
  if (subresource === 'eviction') return verb === 'create' ? ALLOWED : UNKNOWN;
  if (subresource) return UNKNOWN;
  if (verb === 'get') return related(asked, relations);
  if (verb === 'create' || verb === 'delete') return ALLOWED;
  if (verb !== 'list' && verb !== 'watch') return UNKNOWN;
  if (selects(asked, 'spec.nodeName')) return ALLOWED;
  return asked.name ? related(asked, relations) : denied('can only list/watch pods with spec.nodeName field selector');
}

/** True if only objects are seen that have the node in this field. */
function selects({ fields = [], node }: Asked, wanted: string): boolean {
  return fields.some(({ field, operator, value }) => field === wanted && operator === '=' && value === node);
}

async function related({ node, resource, namespace = '', name }: Asked, relations: Relations): Promise<AuthorizationDecision> {
  if (!name) return denied('No Object name found');
  if (await relations.has(node, { resource, namespace, name })) return ALLOWED;
  return denied(`no relationship found between node '${node}' and this object`);
}

function denied(reason: string): AuthorizationDecision {
  return { allowed: false, reason };
}
