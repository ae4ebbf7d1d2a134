import { forbidden, randomSuffix, type KubernetesObject } from '@keelson/api';
import type { Container, Pod, PodSpec, ServiceAccount as Account, Volume } from '@keelson/api/core/v1';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds: recognizable as the default. */
const TOKEN_SECONDS = 3_607;
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const READ_ONLY_MODE = 420;

/** Gives each pod a service account, and its token, the cluster's CA and its namespace in a volume. */
export class ServiceAccountAdmission implements AdmissionMutator {
  readonly name = 'ServiceAccount';
  readonly #registry: Registry;
  readonly #storages: Storages;

  constructor({ registry, storages }: { readonly registry: Registry; readonly storages: Storages }) {
    this.#registry = registry;
    this.#storages = storages;
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, operation, resource, subresource } = request;
    const isNewPod = operation === 'CREATE' && resource.group === '' && resource.resource === 'pods' && subresource === '';
    if (!isNewPod || object.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return object;
    const pod = object as Pod;
    const { spec } = pod;
    if (!spec) return object;
    if (!spec.serviceAccountName) spec.serviceAccountName = 'default';
    spec.serviceAccount = spec.serviceAccountName;
    const account = await this.#find(request, spec.serviceAccountName);
    if (account) adopt(spec, account);
    return object;
  }

  async #find(request: AdmissionRequest, name: string): Promise<Account | undefined> {
    const definition = this.#registry.find('', 'v1', 'serviceaccounts');
    if (!definition) return undefined;
    const storage = this.#storages.of(definition);
    const item = (await storage.cached(request.namespace, name)) ?? (await storage.current(request.namespace, name));
    if (item) return item.object() as Account;
    const subject = request.object?.metadata?.name ?? '';
    throw forbidden(
      { group: '', resource: 'pods' },
      subject,
      `error looking up service account ${request.namespace}/${name}: serviceaccount "${name}" not found`,
    );
  }
}

function adopt(spec: PodSpec, account: Account): void {
  if ((spec.imagePullSecrets?.length ?? 0) === 0 && (account.imagePullSecrets?.length ?? 0) > 0) {
    spec.imagePullSecrets = (account.imagePullSecrets ?? []).map(({ name }) => ({ name }));
  }
  const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  if (automount) mountToken(spec);
}

function mountToken(spec: PodSpec): void {
  // Not validated yet: what is required may be missing.
  const { containers = [], volumes = [] }: Partial<PodSpec> = spec;
  const present = volumes.find(({ name = '', projected }: Partial<Volume>) => name.startsWith(VOLUME_PREFIX) && projected);
  const name = present?.name ?? `${VOLUME_PREFIX}${randomSuffix(5)}`;
  let isUsed = false;
  for (const container of [...(spec.initContainers ?? []), ...containers]) {
    if (hasMount(container)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    isUsed = true;
  }
  if (isUsed && !present) spec.volumes = [...volumes, tokenVolume(name)];
}

function hasMount({ volumeMounts }: Container): boolean {
  return volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH) === true;
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: READ_ONLY_MODE,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
