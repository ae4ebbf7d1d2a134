import { forbidden, nameOf, type KubernetesObject } from '@keelson/api';
import { nodeOf } from '../../auth/node/node-identity.ts';
import type { AdmissionMutator, AdmissionRequest, AdmissionValidator } from '../admission.ts';
import { whyNotClaim, whyNotOwnNamed, whyNotSlice } from './others.ts';
import { whyNotNode } from './nodes.ts';
import { whyNotPod } from './pods.ts';
import { whyNotToken, type TokenSources } from './tokens.ts';

/** Says why a kubelet may not make a request; nothing if it may. Rejects if what it is about is not there. */
export type Restriction = (
  request: AdmissionRequest,
  node: string,
  sources: TokenSources,
) => string | undefined | Promise<string | undefined>;

/** By what a request is about. */
const RESTRICTIONS: Readonly<Record<string, Restriction | undefined>> = {
  pods: whyNotPod,
  nodes: whyNotNode,
  persistentvolumeclaims: whyNotClaim,
  serviceaccounts: whyNotToken,
  'leases.coordination.k8s.io': (request, node) => {
    if (request.namespace === LEASES) return whyNotOwnNamed(request, node, 'node lease');
    return `can only access leases in the "${LEASES}" system namespace`;
  },
  'csinodes.storage.k8s.io': (request, node) => whyNotOwnNamed(request, node, 'CSINode'),
  'resourceslices.resource.k8s.io': whyNotSlice,
};

const LEASES = 'kube-node-lease';

/**
 * Keeps kubelets to their own node and the pods that are bound to it (kubernetes.io/docs/reference/access-authn-authz/admission-controllers,
 * NodeRestriction). It judges what a kubelet has sent, before others change it: so it stands first among the mutators, though it changes
 * nothing; deletions and what subresources take are judged with the validators.
 */
export class NodeRestriction implements AdmissionMutator, AdmissionValidator {
  readonly name = 'NodeRestriction';
  readonly #sources: TokenSources;

  constructor(sources: TokenSources) {
    this.#sources = sources;
  }

  /** Hot path: every write, but more than a look at the user's name only for kubelets. */
  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const node = nodeOf(request.userInfo);
    if (node !== undefined) await this.#judge(request, node);
    return request.object;
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const node = nodeOf(request.userInfo);
    if (node === undefined || request.operation === 'CONNECT') return;
    if (request.operation === 'DELETE' || request.objectKind) await this.#judge(request, node);
  }

  async #judge(request: AdmissionRequest, node: string): Promise<void> {
    const { group, resource } = request.resource;
    const restriction = RESTRICTIONS[group === '' ? resource : `${resource}.${group}`];
    const { name } = request.userInfo;
    const why =
      node === ''
        ? `could not determine node from user ${JSON.stringify(name)}`
        : await restriction?.(request, node, this.#sources);
    if (why !== undefined) throw forbidden({ group, resource }, request.name || nameOf(request.object ?? {}), why);
  }
}
