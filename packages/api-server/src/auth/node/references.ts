import { nameOf } from '@keelson/api';
import type { Container, EnvFromSource, EnvVar, PersistentVolume, Pod, Volume } from '@keelson/api/core/v1';

/** An API object that a node may have to do with: `secrets/NAMESPACE/NAME`, `persistentvolumes//NAME`. */
export type Reference = `${string}/${string}/${string}`;

export function reference(resource: string, namespace: string, name: string): Reference {
  return `${resource}/${namespace}/${name}`;
}

/** Names of the Secrets that a pod refers to, some maybe more than once. */
export function secretNames({ spec }: Pod): string[] {
  return named([
    ...(spec?.imagePullSecrets ?? []).map(({ name }) => name),
    ...environment(spec).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...environments(spec).map(({ secretRef }) => secretRef?.name),
    ...(spec?.volumes ?? []).flatMap(secretsOfVolume),
  ]);
}

/** Names of the ConfigMaps that a pod refers to, some maybe more than once. */
export function configMapNames({ spec }: Pod): string[] {
  return named([
    ...environment(spec).map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ...environments(spec).map(({ configMapRef }) => configMapRef?.name),
    ...(spec?.volumes ?? []).flatMap(({ configMap, projected }) => [
      configMap?.name,
      ...(projected?.sources ?? []).map((source) => source.configMap?.name),
    ]),
  ]);
}

/** Names of the PersistentVolumeClaims that a pod refers to, and of those that are made for it. */
export function claimNames(pod: Pod): string[] {
  return named(
    (pod.spec?.volumes ?? []).map(({ name, persistentVolumeClaim, ephemeral }) =>
      ephemeral ? `${nameOf(pod)}-${name}` : persistentVolumeClaim?.claimName,
    ),
  );
}

/** Names of the ResourceClaims of a pod, as far as they have been made. */
export function resourceClaimNames({ spec, status }: Pod): string[] {
  const made = new Map((status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName]));
  return named([
    ...(spec?.resourceClaims ?? []).map(({ name, resourceClaimName }) => resourceClaimName ?? made.get(name)),
    status?.extendedResourceClaimStatus?.resourceClaimName,
  ]);
}

/** The Secrets of a volume that kubelets need; those in no namespace of their own are in that of its claim. */
export function secretsOfPersistentVolume({ spec }: PersistentVolume): Reference[] {
  const { azureFile, cephfs, cinder, csi, flexVolume, iscsi, rbd, scaleIO, storageos } = spec ?? {};
  const azure = azureFile && { name: azureFile.secretName, namespace: azureFile.secretNamespace };
  const ofSources = [cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].map((source) => source?.secretRef);
  const all = [azure, ...ofSources, csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef];
  return all.flatMap((found) => {
    const { name, namespace = spec?.claimRef?.namespace ?? '' } = found ?? {};
    return name ? [reference('secrets', namespace, name)] : [];
  });
}

function secretsOfVolume(volume: Volume): (string | undefined)[] {
  const { azureFile, secret, cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos, csi, projected } = volume;
  return [
    azureFile?.secretName,
    secret?.secretName,
    ...[cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos].map((source) => source?.secretRef?.name),
    csi?.nodePublishSecretRef?.name,
    ...(projected?.sources ?? []).map((source) => source.secret?.name),
  ];
}

function containersOf(spec: Pod['spec']): Pick<Container, 'env' | 'envFrom'>[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

function environment(spec: Pod['spec']): EnvVar[] {
  return containersOf(spec).flatMap(({ env }) => env ?? []);
}

function environments(spec: Pod['spec']): EnvFromSource[] {
  return containersOf(spec).flatMap(({ envFrom }) => envFrom ?? []);
}

function named(names: readonly (string | undefined)[]): string[] {
  return names.filter((name): name is string => name !== undefined && name !== '');
}
