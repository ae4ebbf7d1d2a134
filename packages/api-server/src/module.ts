import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { STORE, type Store } from '@keelson/store';
import { ContainerModule } from 'inversify';
import { ADMISSION_MUTATOR, ADMISSION_VALIDATOR, type AdmissionMutator, type AdmissionValidator } from './admission/admission.ts';
import { ApiServer, type ApiServerExtensions, type ApiServerOptions } from './api-server.ts';
import { ClusterAuth, type ClusterAuthOptions } from './auth/cluster-auth.ts';
import type { Authenticator, Authorizer, TokenIssuer } from './auth/contracts.ts';
import { Loopback } from './loopback.ts';
import { Proxies } from './proxy/proxies.ts';
import { VIRTUAL_RESOURCE, type VirtualResource } from './registry/virtual-resource.ts';
import { PATH_HANDLER, type PathHandler } from './request/path-handler.ts';
import { KubeletConnection, type KubeletConnectionOptions } from './streams/kubelet-connection.ts';
import { PodStreams } from './streams/pod-streams.ts';
import { SUBRESOURCE_CONNECTOR, type SubresourceConnector } from './subresources/connector.ts';
import { API_SERVER, AUTHENTICATOR, AUTHORIZER, CLUSTER_AUTH, KUBELET_CONNECTION, LOOPBACK, TOKEN_ISSUER } from './tokens.ts';

/**
 * Binds an API server over the bound store, clock and logger. Admission plugins, authenticators, connectors, virtual resources and path
 * handlers are all that are bound under their tokens, in the order of binding; all may be missing.
 */
export const apiServerModule = (options: ApiServerOptions = {}): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(LOOPBACK)
      .toResolvedValue(() => new Loopback(), [])
      .inSingletonScope();
    bind(API_SERVER)
      .toResolvedValue(
        (...[store, clock, logger, loopback, ...parts]: Parts) => {
          const server = new ApiServer({ store, clock, logger, ...extensionsOf(parts) }, options);
          loopback.attach(server);
          return server;
        },
        [
          STORE,
          CLOCK,
          LOGGER,
          LOOPBACK,
          many(ADMISSION_MUTATOR),
          many(ADMISSION_VALIDATOR),
          many(AUTHENTICATOR),
          many(SUBRESOURCE_CONNECTOR),
          many(VIRTUAL_RESOURCE),
          many(PATH_HANDLER),
          { serviceIdentifier: AUTHORIZER, optional: true },
          { serviceIdentifier: TOKEN_ISSUER, optional: true },
          { serviceIdentifier: CLUSTER_AUTH, optional: true },
        ],
      )
      .inSingletonScope();
  });

/** Binds client certificates, service account tokens, RBAC and the review kinds to the server. */
export const clusterAuthModule = (options: ClusterAuthOptions): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(CLUSTER_AUTH)
      .toResolvedValue(
        (clock: Clock, logger: Logger, { transport }: Loopback) => new ClusterAuth({ clock, logger, transport }, options),
        [CLOCK, LOGGER, LOOPBACK],
      )
      .inSingletonScope();
  });

/** Binds logs and streams of pods, and the proxies of pods, services and nodes, to the server. */
export const podStreamsModule = (options: KubeletConnectionOptions): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(KUBELET_CONNECTION)
      .toResolvedValue(() => new KubeletConnection(options), [])
      .inSingletonScope();
    bind(SUBRESOURCE_CONNECTOR)
      .toResolvedValue(
        (kubelets: KubeletConnection, { transport }: Loopback) => new PodStreams({ kubelets, transport }),
        [KUBELET_CONNECTION, LOOPBACK],
      )
      .inSingletonScope();
    bind(SUBRESOURCE_CONNECTOR)
      .toResolvedValue(
        (kubelets: KubeletConnection, { transport }: Loopback) => new Proxies({ kubelets, transport }),
        [KUBELET_CONNECTION, LOOPBACK],
      )
      .inSingletonScope();
  });

function many<T>(serviceIdentifier: T) {
  return { serviceIdentifier, isMultiple: true, optional: true } as const;
}

type Parts = [store: Store, clock: Clock, logger: Logger, loopback: Loopback, ...extensions: Extensions];
type Extensions = [
  mutators: AdmissionMutator[] | undefined,
  validators: AdmissionValidator[] | undefined,
  authenticators: Authenticator[] | undefined,
  connectors: SubresourceConnector[] | undefined,
  virtualResources: VirtualResource[] | undefined,
  pathHandlers: PathHandler[] | undefined,
  authorizer: Authorizer | undefined,
  tokenIssuer: TokenIssuer | undefined,
  auth: ClusterAuth | undefined,
];

function extensionsOf(extensions: Extensions): ApiServerExtensions {
  const [mutators = [], validators = [], authenticators = [], connectors = [], virtualResources = [], ...others] = extensions;
  const [pathHandlers = [], authorizer, tokenIssuer, auth] = others;
  const own = auth?.extensions ?? {};
  return {
    ...own,
    mutators,
    validators,
    authenticators: [...authenticators, ...(own.authenticators ?? [])],
    connectors,
    virtualResources: [...virtualResources, ...(own.virtualResources ?? [])],
    pathHandlers: [...pathHandlers, ...(own.pathHandlers ?? [])],
    ...(authorizer && { authorizer }),
    ...(tokenIssuer && { tokenIssuer }),
  };
}
