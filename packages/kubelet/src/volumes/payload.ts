import { errorMessage, KeelsonError } from '@keelson/base';
import type {
  ConfigMap,
  Container,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '@keelson/api/core/v1';
import type { ConfigReader } from '../env/container-env.ts';
import { fieldValue, resourceValue, type DownwardContext } from '../env/field-ref.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';

/** A token for a pod's service account, as a projected volume asks for it. */
export interface TokenReader {
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
}

export interface PayloadContext {
  readonly pod: Pod;
  readonly config: ConfigReader;
  readonly tokens: TokenReader;
  readonly downward: DownwardContext;
}

const DEFAULT_MODE = 0o644;
const DEFAULT_TOKEN_SECONDS = 3600;

/** The files of a volume that is made of API data, or `undefined` if it is of another kind. Rejects if something required is missing. */
export async function payloadOf(volume: Volume, context: PayloadContext): Promise<Payload | undefined> {
  const namespace = context.pod.metadata?.namespace ?? '';
  if (volume.configMap) {
    const { name = '', items, optional, defaultMode = DEFAULT_MODE } = volume.configMap;
    return configMapFiles(await context.config.configMap(namespace, name), { namespace, name, items, optional, defaultMode });
  }
  if (volume.secret) {
    const { secretName: name = '', items, optional, defaultMode = DEFAULT_MODE } = volume.secret;
    return secretFiles(await context.config.secret(namespace, name), { namespace, name, items, optional, defaultMode });
  }
  if (volume.downwardAPI) return downwardFiles(volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? DEFAULT_MODE, context);
  if (volume.projected) return projectedFiles(volume, context);
  return undefined;
}

interface Selection {
  readonly namespace: string;
  readonly name: string;
  readonly items: readonly KeyToPath[] | undefined;
  readonly optional: boolean | undefined;
  readonly defaultMode: number;
}

function configMapFiles(found: ConfigMap | undefined, selection: Selection): Payload {
  if (!found && !selection.optional) throw new KeelsonError('NotFound', `configmap "${selection.name}" not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(found?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  return select(data, selection, 'configmap references non-existent config key');
}

function secretFiles(found: Secret | undefined, selection: Selection): Payload {
  if (!found && !selection.optional) throw new KeelsonError('NotFound', `secret "${selection.name}" not found`);
  const data = new Map(Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  return select(data, selection, 'references non-existent secret key');
}

function select(data: ReadonlyMap<string, Uint8Array>, { items, optional, defaultMode }: Selection, objection: string): Payload {
  const wanted = items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  const files = new Map<string, PayloadFile>();
  for (const { key, path, mode } of wanted) {
    const content = data.get(key);
    if (content) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) throw new KeelsonError('NotFound', `${objection}: ${key}`);
  }
  return files;
}

function downwardFiles(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  defaultMode: number,
  context: PayloadContext,
): Payload {
  const { pod, downward } = context;
  const anyContainer: Container = pod.spec?.containers[0] ?? { name: '' };
  const files = new Map<string, PayloadFile>();
  for (const { path, fieldRef, resourceFieldRef, mode = defaultMode } of items ?? []) {
    const text = fieldRef
      ? fieldValue(pod, fieldRef.fieldPath, downward)
      : resourceFieldRef && resourceValue(pod, anyContainer, resourceFieldRef, downward);
    files.set(path, { content: Buffer.from(text ?? ''), mode });
  }
  return files;
}

/** What is wrong with several sources is said at once. */
async function projectedFiles({ projected }: Volume, context: PayloadContext): Promise<Payload> {
  const files = new Map<string, PayloadFile>();
  const failures: unknown[] = [];
  for (const source of projected?.sources ?? []) {
    try {
      const more = await sourceFiles(source, projected?.defaultMode ?? DEFAULT_MODE, context);
      more.forEach((file, path) => files.set(path, file));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new KeelsonError('NotFound', `[${failures.map(errorMessage).join(', ')}]`);
  return files;
}

async function sourceFiles(source: VolumeProjection, defaultMode: number, context: PayloadContext): Promise<Payload> {
  const namespace = context.pod.metadata?.namespace ?? '';
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) {
    const { name = '', items, optional } = configMap;
    return configMapFiles(await context.config.configMap(namespace, name), { namespace, name, items, optional, defaultMode });
  }
  if (secret) {
    const { name = '', items, optional } = secret;
    return secretFiles(await context.config.secret(namespace, name), { namespace, name, items, optional, defaultMode });
  }
  if (downwardAPI) return downwardFiles(downwardAPI.items, defaultMode, context);
  if (serviceAccountToken) return tokenFile(serviceAccountToken, defaultMode, context);
  const [kind = 'unknown'] = Object.keys(source);
  throw new KeelsonError('BadRequest', `projected volume source "${kind}" is not supported by this node`);
}

async function tokenFile(
  { audience, expirationSeconds = DEFAULT_TOKEN_SECONDS, path }: ServiceAccountTokenProjection,
  defaultMode: number,
  { pod, tokens }: PayloadContext,
): Promise<Payload> {
  const content = Buffer.from(await tokens.token(pod, audience, expirationSeconds));
  const uid = userOf(pod);
  // Known users get it for themselves, or for their group; otherwise it is not known who needs to read it.
  const isKnown = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  return new Map([[path, { content, mode: isKnown ? 0o600 : defaultMode, ...(uid !== undefined && { uid }) }]]);
}

/** The user that all containers run as, if they do. */
function userOf({ spec }: Pod): number | undefined {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser));
  return users.size === 1 ? [...users][0] : undefined;
}
