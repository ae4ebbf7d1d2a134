import { controllerOf, isOwnedBy, nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client, ObjectName } from '@keelson/client';
import {
  addFinalizer,
  hasFinalizer,
  keyText,
  removeFinalizer,
  type EventRecorder,
  type Lister,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import { deploymentOf, FINALIZER, isWebsite, mistakeIn, replicasOf, serviceOf, STATUS_ANNOTATION } from './website.ts';

interface Dependencies {
  readonly client: Client;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly websites: Lister<ConfigMap>;
  readonly deployments: Lister<Deployment>;
  readonly services: Lister<Service>;
}

const FIELD_MANAGER = 'operator-sample';

/** Keeps a Deployment and a Service of the name of each website, and takes them away with it. */
export class WebsiteReconciler implements Reconciler {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<void> {
    const { client, websites } = this.#deps;
    // Not in the cache: gone, or its label is, and then what was made for it has to go.
    const site = websites.getByKey(keyText(key)) ?? (await client.resource(ConfigMap).find(key));
    if (!site) return;
    if (site.metadata?.deletionTimestamp !== undefined || !isWebsite(site)) await this.#cleanUp(site);
    else await this.#keep(site);
  }

  async #keep(site: ConfigMap): Promise<void> {
    const mistake = mistakeIn(site) ?? this.#nameTaken(site);
    if (mistake !== undefined) {
      this.#deps.events.event(site, 'Warning', 'InvalidWebsite', mistake);
      await this.#report(site, `invalid: ${mistake}`);
      return;
    }
    // Before anything is made, so that nothing is left behind.
    const kept = await addFinalizer(this.#deps.client, ConfigMap, site, FINALIZER);
    if (!kept) return;
    await this.#apply(Service, serviceOf(kept));
    const { status } = await this.#apply(Deployment, deploymentOf(kept));
    await this.#report(kept, `${status?.availableReplicas ?? 0}/${replicasOf(kept)} available`);
  }

  #nameTaken(site: ConfigMap): string | undefined {
    const taken = this.#namesakes(site).find((object) => !isOwnedBy(object, site));
    if (!taken) return undefined;
    const owner = controllerOf(taken);
    return `${taken.kind} "${nameOf(taken)}" is ${owner ? `managed by ${owner.kind} "${owner.name}"` : "somebody else's"}`;
  }

  #namesakes(site: ConfigMap): (Deployment | Service)[] {
    const key = keyText(whereIs(site));
    return [this.#deps.deployments.getByKey(key), this.#deps.services.getByKey(key)].filter((found) => found !== undefined);
  }

  /** A strategic merge patch changes nothing if all is as it should be, and leaves alone what others have set. */
  async #apply<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T> {
    const resource = this.#deps.client.resource(kind);
    const options = { fieldManager: FIELD_MANAGER };
    if (!(await resource.find(whereIs(object)))) return resource.create(object, options);
    return resource.patch(whereIs(object), 'strategic', object, options);
  }

  async #report(site: ConfigMap, status: string): Promise<void> {
    if (site.metadata?.annotations?.[STATUS_ANNOTATION] === status) return;
    const patch = { metadata: { uid: site.metadata?.uid, annotations: { [STATUS_ANNOTATION]: status } } };
    await this.#deps.client.resource(ConfigMap).patch(whereIs(site), 'merge', patch).catch(ignoreMissing);
  }

  /** The finalizer goes last: what is cut short is done again. */
  async #cleanUp(site: ConfigMap): Promise<void> {
    if (!hasFinalizer(site, FINALIZER)) return;
    await this.#delete(Deployment, site);
    await this.#delete(Service, site);
    await removeFinalizer(this.#deps.client, ConfigMap, site, FINALIZER);
  }

  /** Read from the server: the cache may not know yet what was made just now. */
  async #delete<T extends KubernetesObject>(kind: Kind<T>, site: ConfigMap): Promise<void> {
    const resource = this.#deps.client.resource(kind);
    const found = await resource.find(whereIs(site));
    if (!found || !isOwnedBy(found, site)) return;
    const { uid } = found.metadata ?? {};
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await resource.delete(whereIs(site), { propagationPolicy: 'Background', ...preconditions }).catch(ignoreMissing);
  }
}

function whereIs(object: KubernetesObject): NamespacedName & ObjectName {
  return { name: nameOf(object), namespace: namespaceOf(object) };
}

function ignoreMissing(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error;
}
