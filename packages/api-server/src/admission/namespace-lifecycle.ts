import { forbidden, notFound } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { Registry } from '../registry/registry.ts';
import type { ResourceStorage, Storages } from '../storage/resource-storage.ts';
import type { AdmissionRequest, AdmissionValidator } from './admission.ts';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);
const NAMESPACES = { group: '', resource: 'namespaces' };
/** Reviews may be created in a namespace that is going. */
const ACCESS_REVIEW = 'localsubjectaccessreviews';

/** Nothing is created in a namespace that does not exist or is going away, and the namespaces that every cluster needs stay. */
export class NamespaceLifecycle implements AdmissionValidator {
  readonly name = 'NamespaceLifecycle';
  readonly #registry: Registry;
  readonly #storages: Storages;
  #storage: ResourceStorage | undefined;

  constructor({ registry, storages }: { readonly registry: Registry; readonly storages: Storages }) {
    this.#registry = registry;
    this.#storages = storages;
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { operation, resource, name, namespace, subresource } = request;
    const isNamespace = resource.group === '' && resource.resource === 'namespaces';
    if (operation === 'DELETE' && isNamespace && IMMORTAL.has(name)) {
      throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
    }
    if (operation !== 'CREATE' || isNamespace || namespace === '' || subresource !== '' || resource.resource === ACCESS_REVIEW)
      return;
    await this.#checkAlive(request);
  }

  async #checkAlive({ resource, name, namespace, object }: AdmissionRequest): Promise<void> {
    const storage = this.#namespaces();
    if (!storage) return;
    // The cache is enough for one that is there and alive; absence is checked against the store.
    const item = (await storage.cached(undefined, namespace)) ?? (await storage.current(undefined, namespace));
    if (!item) throw notFound(NAMESPACES, namespace);
    if (item.fields['status.phase'] !== 'Terminating' && item.object().metadata?.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const refused = forbidden(resource, name || (object?.metadata?.generateName ?? ''), why);
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    throw new KeelsonError('Forbidden', refused.message, { details: { ...refused.details, causes: [cause] } });
  }

  #namespaces(): ResourceStorage | undefined {
    if (this.#storage) return this.#storage;
    const definition = this.#registry.find('', 'v1', 'namespaces');
    this.#storage = definition && this.#storages.of(definition);
    return this.#storage;
  }
}
