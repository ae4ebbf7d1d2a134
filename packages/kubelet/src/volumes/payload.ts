import { KeelsonError } from '@keelson/base';
import type { ConfigMap, Container, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume } from '@keelson/api/core/v1';
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
  return select(data, selection);
}

function secretFiles(found: Secret | undefined, selection: Selection): Payload {
  if (!found && !selection.optional) throw new KeelsonError('NotFound', `secret "${selection.name}" not found`);
  return select(new Map(Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')])), selection);
}

function select(data: ReadonlyMap<string, Uint8Array>, { items, optional, defaultMode }: Selection): Payload {
  const wanted = items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  const files = new Map<string, PayloadFile>();
  for (const { key, path, mode } of wanted) {
    const content = data.get(key);
    if (content) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) throw new KeelsonError('NotFound', `references non-existent config key: ${key}`);
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

async function projectedFiles({ projected }: Volume, context: PayloadContext): Promise<Payload> {
  const namespace = context.pod.metadata?.namespace ?? '';
  const defaultMode = projected?.defaultMode ?? DEFAULT_MODE;
  const files = new Map<string, PayloadFile>();
  const add = (more: Payload) => more.forEach((file, path) => files.set(path, file));
  for (const { configMap, secret, downwardAPI, serviceAccountToken } of projected?.sources ?? []) {
    if (configMap) {
      const { name = '', items, optional } = configMap;
      add(configMapFiles(await context.config.configMap(namespace, name), { namespace, name, items, optional, defaultMode }));
    } else if (secret) {
      const { name = '', items, optional } = secret;
      add(secretFiles(await context.config.secret(namespace, name), { namespace, name, items, optional, defaultMode }));
    } else if (downwardAPI) {
      add(downwardFiles(downwardAPI.items, defaultMode, context));
    } else if (serviceAccountToken) {
      const { audience, expirationSeconds = DEFAULT_TOKEN_SECONDS, path } = serviceAccountToken;
      const token = await context.tokens.token(context.pod, audience, expirationSeconds);
      files.set(path, { content: Buffer.from(token), mode: tokenMode(context.pod, defaultMode) });
    } else throw new KeelsonError('BadRequest', 'unsupported source of a projected volume');
  }
  return files;
}

/** With an fsGroup the group gets to read it, and nobody else; otherwise the users of the pod are not known well enough. */
function tokenMode(pod: Pod, defaultMode: number): number {
  return pod.spec?.securityContext?.fsGroup === undefined ? defaultMode : 0o600;
}
