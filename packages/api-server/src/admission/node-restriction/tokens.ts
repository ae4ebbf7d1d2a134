import { notFound, type KubernetesObject } from '@keelson/api';
import type { TokenRequest } from '@keelson/api/authentication/v1';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '@keelson/api/core/v1';
import type { CSIDriver } from '@keelson/api/storage/v1';
import type { Authorizer } from '../../auth/contracts.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { CachedObjectsDependencies } from '../cached-objects.ts';

/** Where objects are looked up, and who says for which audiences a kubelet may ask. */
export interface TokenSources extends CachedObjectsDependencies {
  readonly authorizer: () => Authorizer | undefined;
}

/** Where an object is, of the core group if no other is said. */
interface Place {
  readonly group?: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The object there. Rejects with `NotFound` if there is none. */
export async function found<T extends KubernetesObject>(sources: TokenSources, place: Place): Promise<Readonly<T>> {
  const object = await find<T>(sources, place);
  if (object) return object;
  throw notFound({ group: place.group ?? '', resource: place.resource.replace(/s$/, '') }, place.name);
}

async function find<T extends KubernetesObject>(
  { registry, storages }: TokenSources,
  { group = '', resource, namespace, name }: Place,
): Promise<Readonly<T> | undefined> {
  const definition = registry.find(group, 'v1', resource);
  const storage = definition && storages.of(definition);
  const item = (await storage?.cached(namespace, name)) ?? (await storage?.current(namespace, name));
  // Each place holds objects of one kind.
  return item?.object() as Readonly<T> | undefined;
}

/** Only tokens that are bound to a pod of the node, for audiences that the pod names. */
export async function whyNotToken(request: AdmissionRequest, node: string, sources: TokenSources): Promise<string | undefined> {
  const { operation, subresource, namespace, object } = request;
  if (operation !== 'CREATE' || subresource !== 'token') return undefined;
  const { spec } = object as TokenRequest;
  const { apiVersion, kind, name, uid } = spec?.boundObjectRef ?? {};
  if (apiVersion !== 'v1' || kind !== 'Pod' || !name) return 'node requested token not bound to a pod';
  if (!uid) return 'node requested token with a pod binding without a uid';
  const pod = await found<Pod>(sources, { resource: 'pods', namespace, name });
  if (uid !== pod.metadata?.uid) {
    return `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  }
  if (pod.spec?.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node';
  return whyNotAudience(request, pod, { audiences: spec?.audiences, sources });
}

interface Wanted {
  readonly audiences: readonly string[] | undefined;
  readonly sources: TokenSources;
}

async function whyNotAudience(
  { userInfo, namespace, name }: AdmissionRequest,
  pod: Pod,
  { audiences = [], sources }: Wanted,
): Promise<string | undefined> {
  const [audience = '', ...others] = audiences;
  if (others.length > 0) return 'node may only request 0 or 1 audiences';
  if (await isNamed(pod, audience, sources)) return undefined;
  const resource = { group: '', version: 'v1', resource: audience, namespace, name };
  const verb = 'request-serviceaccounts-token-audience';
  const asked = await sources.authorizer()?.authorize({ user: userInfo, verb, resource });
  if (asked?.allowed) return undefined;
  const who = userInfo.name;
  return `audience ${JSON.stringify(audience)} not found in pod spec volume, ${who} is not authorized to request tokens for this audience`;
}

/** By a projected volume, or by the driver of one that the pod uses. */
async function isNamed(pod: Pod, audience: string, sources: TokenSources): Promise<boolean> {
  const volumes = pod.spec?.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  if (projected.some(({ serviceAccountToken: asked }) => asked && (asked.audience ?? '') === audience)) return true;
  for (const volume of volumes) {
    const name = await driverOf(pod, volume, sources);
    const place = { group: 'storage.k8s.io', resource: 'csidrivers', name: name ?? '' };
    const driver = name === undefined ? undefined : await find<CSIDriver>(sources, place);
    if (driver?.spec.tokenRequests?.some((asked) => asked.audience === audience)) return true;
  }
  return false;
}

async function driverOf(pod: Pod, volume: Volume, sources: TokenSources): Promise<string | undefined> {
  if (volume.csi) return volume.csi.driver;
  const { name: podName = '', namespace = '' } = pod.metadata ?? {};
  const name = volume.ephemeral ? `${podName}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  if (name === undefined) return undefined;
  const claim = await find<PersistentVolumeClaim>(sources, { resource: 'persistentvolumeclaims', namespace, name });
  const bound = claim?.spec?.volumeName;
  if (!bound) return undefined;
  return (await find<PersistentVolume>(sources, { resource: 'persistentvolumes', name: bound }))?.spec?.csi?.driver;
}
