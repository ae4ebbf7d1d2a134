import { formatTime } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { Node, type NodeAddress } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { isReason, type Clock, type Logger } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  namespacedName,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { requestedNames, type RequestedNames } from '@keelson/pki';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { decisionOf, isIssued, pemOf, withCondition } from './request-state.ts';
import { KUBELET_SERVING_SIGNER, signerProblem } from './signers.ts';

const NAME = 'kubelet-serving-approving-controller';
const NODE_USER = 'system:node:';
const MESSAGE = 'Auto approving kubelet serving certificate for the addresses of its node.';
/** The API server's own, in certificates and in the names of pods' DNS. */
const SERVER_NAMES = /^(localhost|kubernetes(\..+)?)$/i;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly requests: Lister<CertificateSigningRequest>;
  readonly nodes: Lister<Node>;
  readonly slices: Lister<EndpointSlice>;
}

/** Approves what nodes ask for the certificate of their own API, for the addresses that they have and nobody else has. */
class ServingApprover implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, logger, nodes, requests } = this.#dependencies;
    const request = requests.get(name);
    if (!request || !isOpen(request)) return {};
    const node = nodes.get(request.spec.username?.slice(NODE_USER.length) ?? '');
    // Nodes ask before they are known; this is looked at again then.
    if (!node) return {};
    const objection = await this.#objection(request, node);
    if (objection !== undefined) {
      // Somebody may approve it all the same; a change of the node is looked at again.
      logger.warn('certificate of a kubelet waits for somebody to approve it', { request: name, why: objection });
      return {};
    }
    const body = withCondition(request, { type: 'Approved', reason: 'AutoApproved', message: MESSAGE }, formatTime(clock.now()));
    try {
      await client.resource(CertificateSigningRequest).subresource({ name }, { subresource: 'approval', method: 'PUT', body });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }

  /** What a node says of its addresses is all that is known of them, so none is believed that is somebody else's. */
  async #objection(request: CertificateSigningRequest, node: Node): Promise<string | undefined> {
    const { username = '', groups = [], usages = [] } = request.spec;
    const names = await requestedNames(pemOf(request));
    const problem = signerProblem(KUBELET_SERVING_SIGNER, { names, usages });
    if (problem !== undefined) return problem;
    if (names.commonName !== username || !groups.includes('system:nodes'))
      return `"${username}" is not the node that it asks for`;
    return notIts(node, names) ?? this.#somebodyElses(node, names);
  }

  #somebodyElses(node: Node, { dnsNames, ipAddresses }: RequestedNames): string | undefined {
    const { nodes, slices } = this.#dependencies;
    const servers = slices.get('kubernetes', 'default')?.endpoints?.flatMap(({ addresses }) => addresses) ?? [];
    const others = nodes.list().filter(({ metadata }) => metadata?.name !== node.metadata?.name);
    const taken = others.flatMap((other) => [other.metadata?.name ?? '', ...addressesOf(other).map(({ address }) => address)]);
    const server = ipAddresses.find((ip) => servers.includes(ip)) ?? dnsNames.find((dnsName) => SERVER_NAMES.test(dnsName));
    if (server !== undefined) return `"${server}" is the API server's`;
    const other = [...ipAddresses, ...dnsNames].find((each) => taken.includes(each));
    return other === undefined ? undefined : `"${other}" is another node's too`;
  }
}

function notIts(node: Node, { dnsNames, ipAddresses }: RequestedNames): string | undefined {
  const its = [node.metadata?.name, ...addressesOf(node).map(({ address }) => address)];
  const other = [...dnsNames, ...ipAddresses].find((each) => !its.includes(each));
  return other === undefined ? undefined : `"${other}" is no address of node "${node.metadata?.name}"`;
}

function addressesOf({ status }: Node): readonly NodeAddress[] {
  return status?.addresses ?? [];
}

function isOpen(request: CertificateSigningRequest): boolean {
  const isDecided = decisionOf(request, 'Approved') ?? decisionOf(request, 'Denied');
  return request.spec.signerName === KUBELET_SERVING_SIGNER && !isDecided && !isIssued(request);
}

/**
 * `kubelet-serving-approving-controller`: approves the certificates that nodes ask for to serve with, if they are for the node's own name and
 * addresses, and neither the API server nor another node has one of these. Others wait for `kubectl certificate approve`, as all do in Kubernetes itself.
 */
export const servingApprovingController: ControllerFactory = (context) => {
  const { client, clock, informers, logger } = context;
  const [requests, nodes, slices] = [informers.for(CertificateSigningRequest), informers.for(Node), informers.for(EndpointSlice)];
  const reconciler = new ServingApprover({ client, clock, logger, requests, nodes, slices });
  const ofNode = (node: Node): readonly NamespacedName[] =>
    requests
      .list()
      .filter((request) => request.spec.username === `${NODE_USER}${node.metadata?.name}` && isOpen(request))
      .map(namespacedName);
  // Nothing follows from a change of the slices, but without them the API server's addresses are not known.
  const sources = [fromInformer(requests), fromInformer(nodes, ofNode), fromInformer(slices, () => [])];
  return reconcilingController(context, { name: NAME, reconciler, sources });
};
