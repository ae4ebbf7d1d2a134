import { KeelsonError } from '@keelson/base';
import { isEnvVarName } from '@keelson/api';
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '@keelson/api/core/v1';
import { envFileValue } from './env-file.ts';
import { expand } from './expand.ts';
import { fieldValue, resourceValue, type DownwardContext } from './field-ref.ts';
import { serviceEnv } from './service-env.ts';

/** Where configuration comes from; `undefined` if it does not exist. */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

export interface EnvInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly services: readonly Service[];
  readonly config: ConfigReader;
  readonly downward: DownwardContext;
  /** Where volumes of the pod are on the node, by name. */
  readonly volumePath?: (volume: string) => string | undefined;
}

/**
 * The environment of a container: variables of services, then `envFrom`, then `env`, where later ones win and `$(NAME)` sees what came
 * before it. Rejects with `NotFound` or `BadRequest` if something that is required is missing, in the words for the waiting message.
 */
export async function containerEnv(input: EnvInput): Promise<{ name: string; value: string }[]> {
  const { pod, container, services } = input;
  const namespace = pod.metadata?.namespace ?? '';
  const links = serviceEnv(services, { namespace, enableServiceLinks: pod.spec?.enableServiceLinks ?? true });
  const own = new Map<string, string>();
  for (const [name, value] of await variablesFrom(input, namespace)) own.set(name, value);
  const lookUp = (name: string) => own.get(name) ?? links.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom ? await valueFrom(input, variable) : expand(variable.value ?? '', lookUp);
    if (value !== undefined) own.set(variable.name, value);
  }
  return [...new Map([...links, ...own])].map(([name, value]) => ({ name, value }));
}

async function variablesFrom({ container, config }: EnvInput, namespace: string): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const { configMapRef, secretRef, prefix = '' } of container.envFrom ?? []) {
    const data = configMapRef
      ? await configMapData(config, namespace, configMapRef.name ?? '', configMapRef.optional)
      : await secretData(config, namespace, secretRef?.name ?? '', secretRef?.optional);
    for (const [key, value] of Object.entries(data ?? {})) {
      if (isEnvVarName(prefix + key).length === 0) found.push([prefix + key, value]);
    }
  }
  return found;
}

async function valueFrom(input: EnvInput, { valueFrom: source }: EnvVar): Promise<string | undefined> {
  const { pod, container, config, downward } = input;
  const namespace = pod.metadata?.namespace ?? '';
  if (source?.fieldRef) return fieldValue(pod, source.fieldRef.fieldPath, downward);
  if (source?.resourceFieldRef) return resourceValue(pod, container, source.resourceFieldRef, downward);
  if (source?.configMapKeyRef) {
    const { name = '', key, optional } = source.configMapKeyRef;
    return required(await configMapData(config, namespace, name, optional), key, optional, `ConfigMap ${namespace}/${name}`);
  }
  if (source?.secretKeyRef) {
    const { name = '', key, optional } = source.secretKeyRef;
    return required(await secretData(config, namespace, name, optional), key, optional, `Secret ${namespace}/${name}`);
  }
  if (source?.fileKeyRef) return envFileValue(source.fileKeyRef, input.volumePath?.(source.fileKeyRef.volumeName));
  throw new KeelsonError('BadRequest', 'unsupported source of an environment variable');
}

type Data = Readonly<Record<string, string>>;

function required(data: Data | undefined, key: string, optional: boolean | undefined, where: string): string | undefined {
  const value = data?.[key];
  if (value !== undefined || optional || data === undefined) return value;
  throw new KeelsonError('NotFound', `couldn't find key ${key} in ${where}`);
}

/** `undefined` only if it may be missing and is. */
async function configMapData(
  config: ConfigReader,
  namespace: string,
  name: string,
  optional?: boolean,
): Promise<Data | undefined> {
  const found = await config.configMap(namespace, name);
  if (!found && !optional) throw new KeelsonError('NotFound', `configmap "${name}" not found`);
  return found ? (found.data ?? {}) : undefined;
}

async function secretData(config: ConfigReader, namespace: string, name: string, optional?: boolean): Promise<Data | undefined> {
  const found = await config.secret(namespace, name);
  if (!found && !optional) throw new KeelsonError('NotFound', `secret "${name}" not found`);
  if (!found) return undefined;
  return Object.fromEntries(
    Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}
