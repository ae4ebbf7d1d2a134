import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { STORE, type Store } from '@keelson/store';
import { ContainerModule } from 'inversify';
import { ADMISSION_MUTATOR, ADMISSION_VALIDATOR, type AdmissionMutator, type AdmissionValidator } from './admission/admission.ts';
import { ApiServer, type ApiServerExtensions, type ApiServerOptions } from './api-server.ts';
import type { Authenticator, Authorizer, TokenIssuer } from './auth/contracts.ts';
import type { VirtualResource } from './registry/virtual-resource.ts';
import type { PathHandler } from './request/path-handler.ts';
import type { SubresourceConnector } from './subresources/connector.ts';
import { VIRTUAL_RESOURCE } from './registry/virtual-resource.ts';
import { PATH_HANDLER } from './request/path-handler.ts';
import { SUBRESOURCE_CONNECTOR } from './subresources/connector.ts';
import { API_SERVER, AUTHENTICATOR, AUTHORIZER, TOKEN_ISSUER } from './tokens.ts';

/**
 * Binds an API server over the bound store, clock and logger. Admission plugins, authenticators, connectors, virtual resources and path
 * handlers are all that are bound under their tokens, in the order of binding; all may be missing.
 */
export const apiServerModule = (options: ApiServerOptions = {}): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(API_SERVER)
      .toResolvedValue(
        (...parts: Parts) => new ApiServer(dependenciesOf(parts), options),
        [
          STORE,
          CLOCK,
          LOGGER,
          many(ADMISSION_MUTATOR),
          many(ADMISSION_VALIDATOR),
          many(AUTHENTICATOR),
          many(SUBRESOURCE_CONNECTOR),
          many(VIRTUAL_RESOURCE),
          many(PATH_HANDLER),
          { serviceIdentifier: AUTHORIZER, optional: true },
          { serviceIdentifier: TOKEN_ISSUER, optional: true },
        ],
      )
      .inSingletonScope();
  });

function many<T>(serviceIdentifier: T) {
  return { serviceIdentifier, isMultiple: true, optional: true } as const;
}

type Parts = [
  store: Store,
  clock: Clock,
  logger: Logger,
  mutators: AdmissionMutator[] | undefined,
  validators: AdmissionValidator[] | undefined,
  authenticators: Authenticator[] | undefined,
  connectors: SubresourceConnector[] | undefined,
  virtualResources: VirtualResource[] | undefined,
  pathHandlers: PathHandler[] | undefined,
  authorizer: Authorizer | undefined,
  tokenIssuer: TokenIssuer | undefined,
];

function dependenciesOf(parts: Parts): ApiServerExtensions & { store: Store; clock: Clock; logger: Logger } {
  const [store, clock, logger, mutators = [], validators = [], authenticators = [], ...others] = parts;
  const [connectors = [], virtualResources = [], pathHandlers = [], authorizer, tokenIssuer] = others;
  return {
    store,
    clock,
    logger,
    mutators,
    validators,
    authenticators,
    connectors,
    virtualResources,
    pathHandlers,
    ...(authorizer && { authorizer }),
    ...(tokenIssuer && { tokenIssuer }),
  };
}
