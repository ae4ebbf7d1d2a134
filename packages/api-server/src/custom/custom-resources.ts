import { deepEqual } from '@keelson/api';
import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { Registry } from '../registry/registry.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { SchemaRules } from '../structural/rules.ts';
import { Follower } from '../storage/follower.ts';
import type { ResourceStorage } from '../storage/resource-storage.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Services } from '../verbs/call.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { conversionOf } from './conversion-of.ts';
import { customKind } from './custom-definitions.ts';
import { DefinitionWorker } from './definition-worker.ts';
import { InstalledKind } from './installed-kind.ts';

export interface CustomResourcesDependencies {
  readonly services: Services;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rules: SchemaRules;
  /** Into this server, as itself. */
  readonly transport: () => Transport;
  /** Asked for conversions. */
  readonly webhooks: WebhookClient;
}

/**
 * Follows the CustomResourceDefinitions in the store: what is established is served, within the turn in which this server hears of it, and
 * what is gone is not. A worker gives definitions their status and clears up behind those that are deleted; several servers over one store do
 * the same without harm.
 */
export class CustomResources {
  readonly #deps: CustomResourcesDependencies;
  readonly #storage: ResourceStorage;
  readonly #tasks: TaskGroup;
  readonly #worker: DefinitionWorker;
  readonly #installed = new Map<string, InstalledKind>();
  readonly #follower: Follower;

  constructor(deps: CustomResourcesDependencies) {
    this.#deps = deps;
    const definition = deps.services.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
    if (!definition) throw new RangeError('CustomResourceDefinitions are not served');
    this.#storage = deps.services.storages.of(definition);
    this.#tasks = new TaskGroup(deps.logger);
    this.#worker = new DefinitionWorker({ ...deps, tasks: this.#tasks, installed: this.#installed });
    this.#follower = new Follower({
      ...deps,
      storage: this.#storage,
      tasks: this.#tasks,
      seen: (item) => this.#seen(item),
      gone: (name) => this.#gone(name),
    });
  }

  /** Resolves when all kinds that are established are served. */
  async start(): Promise<void> {
    await this.#follower.start();
    this.#worker.start();
  }

  async stop(): Promise<void> {
    this.#follower.stop();
    await this.#tasks.stop();
    this.#worker[Symbol.dispose]();
  }

  /** Resolves when this server serves what is established now. */
  async fresh(): Promise<void> {
    await this.#storage.cache.fresh();
  }

  #seen(item: StoredObject): void {
    const known = this.#installed.get(item.name);
    const definition = item.object() as CustomResourceDefinition;
    if (known?.accepts(item, definition)) {
      this.#serve(known, known.definitions(definition));
    } else {
      const installed = new InstalledKind(item, definition, (reload) =>
        customKind({ definition, reload, rules: this.#deps.rules, conversion: conversionOf(definition, this.#deps.webhooks) }),
      );
      this.#installed.set(item.name, installed);
      this.#serve(installed, installed.definitions(definition), known);
      if (known) this.#replaced(known, installed);
    }
    this.#worker.look(item.name);
  }

  #replaced(before: InstalledKind, { accepted, group }: InstalledKind): void {
    this.#retire(before);
    if (!deepEqual(before.accepted, accepted)) this.#worker.lookAtGroup(group);
  }

  #gone(name: string): void {
    const known = this.#installed.get(name);
    if (!known) return;
    this.#installed.delete(name);
    this.#serve(known, []);
    this.#retire(known);
    this.#worker.lookAtGroup(known.group);
  }

  /** Makes `definitions` what is served of a kind, instead of what was until now. */
  #serve(kind: InstalledKind, definitions: readonly ResourceDefinition[], before: InstalledKind = kind): void {
    const { registry } = this.#deps.services;
    const free = definitions.filter((definition) => isFree(registry, definition, before.served));
    if (sameAs(free, before.served)) return;
    registry.replace(before.served, free);
    kind.served = free;
  }

  #retire({ kind, cleanUp }: InstalledKind): void {
    cleanUp?.[Symbol.dispose]();
    for (const codec of kind?.codecs ?? []) this.#deps.services.storages.retire(codec);
  }
}

/** Kinds of Kubernetes' own are never replaced. */
function isFree(
  registry: Registry,
  { group, version, resource, kind }: ResourceDefinition,
  own: readonly ResourceDefinition[],
): boolean {
  const taken = [registry.find(group, version, resource), registry.findKind(group, version, kind)];
  return taken.every((other) => other === undefined || own.includes(other));
}

function sameAs(a: readonly ResourceDefinition[], b: readonly ResourceDefinition[]): boolean {
  return a.length === b.length && a.every((definition, at) => definition === b[at]);
}
