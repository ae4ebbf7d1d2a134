import type { KubernetesObject } from '@keelson/api';
import type { Clock, Logger } from '@keelson/base';
import type { Store } from '@keelson/store';
import type { AdmissionMutator, AdmissionValidator } from '../admission/admission.ts';
import type { TokenIssuer } from '../auth/contracts.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { StrategyContext, UserInfo } from '../registry/strategy.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import type { ResourceStorage, Storages } from '../storage/resource-storage.ts';

/** What verbs work with. */
export interface Services {
  readonly registry: Registry;
  readonly store: Store;
  readonly storages: Storages;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mutators: readonly AdmissionMutator[];
  readonly validators: readonly AdmissionValidator[];
  /** Asked when all validators are content: they count what is let in. */
  readonly counters: readonly AdmissionValidator[];
  readonly tokenIssuer: TokenIssuer | undefined;
  /** Kinds that come and go: `fresh` resolves when all that are there now are in the registry. */
  readonly customKinds?: { fresh(): Promise<void> } | undefined;
  /** How long a stored event is kept. */
  readonly eventTtlSeconds: number;
  /** Watches without `timeoutSeconds` end after a random time between this and its double. */
  readonly minWatchSeconds: number;
}

/** One request for a kind that is served, on its way through a verb. */
export interface Call {
  readonly services: Services;
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly definition: ResourceDefinition;
  readonly storage: ResourceStorage;
  readonly user: UserInfo;
  /** Undefined for cluster-scoped kinds and for requests over all namespaces. */
  readonly namespace: string | undefined;
  /** Empty for a whole collection. */
  readonly name: string;
  readonly dryRun: boolean;
  readonly warn: (text: string) => void;
  /** Rejects with `Forbidden` unless the caller may also do this, which the request turns out to come to. */
  readonly authorize: (verb: 'create') => Promise<void>;
}

export function strategyContext(call: Call): StrategyContext {
  const { services, user, dryRun, namespace } = call;
  return { user, dryRun, namespace, nowMs: services.clock.now() };
}

/** True if objects of the kind have a generation. */
export function hasGeneration(definition: ResourceDefinition): boolean {
  return (definition.strategy.hasGeneration ?? 'status' in definition.subresources) !== false;
}

/** The metadata of an object that a verb works on. */
export function metaOf(object: KubernetesObject): NonNullable<KubernetesObject['metadata']> {
  return (object.metadata ??= {});
}
