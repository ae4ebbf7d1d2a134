import {
  bootstrapObjects,
  RbacAuthorizer,
  RoleIndex,
  type AuthorizationAttributes,
  type AuthorizationDecision,
  type Authorizer,
} from '@keelson/api-server';
import type { ClusterRole, RoleBinding } from '@keelson/api/rbac/v1';

const ACCOUNTS = 'system:serviceaccount:kube-system:';
const PROGRAM = 'system:kube-controller-manager';

/** Built-in controllers may do what their roles of a new cluster say; everybody else what `others` says, or all. */
export class OwnRights implements Authorizer {
  /** What controllers were refused. */
  readonly refused: string[] = [];
  readonly #roles = new RbacAuthorizer(bootstrapRoles());
  readonly #others: Authorizer | undefined;

  constructor(others: Authorizer | undefined) {
    this.#others = others;
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const { user, verb, resource, path } = attributes;
    if (!user.name.startsWith(ACCOUNTS) && user.name !== PROGRAM) return this.#others?.authorize(attributes) ?? { allowed: true };
    const decision = await this.#roles.authorize(attributes);
    const subresource = resource?.subresource === undefined ? '' : `/${resource.subresource}`;
    if (!decision.allowed)
      this.refused.push(`${user.name}: ${verb} ${path ?? `${resource?.group}/${resource?.resource}${subresource}`}`);
    return decision;
  }
}

function bootstrapRoles(): RoleIndex {
  const index = new RoleIndex();
  for (const { kind, object } of bootstrapObjects({ serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined })) {
    if (kind.kind.endsWith('Role')) index.putRole(object as ClusterRole);
    if (kind.kind.endsWith('RoleBinding')) index.putBinding(object as RoleBinding);
  }
  return index;
}
