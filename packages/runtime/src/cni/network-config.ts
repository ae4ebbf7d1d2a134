import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, KeelsonError } from '@keelson/base';

type Json = Readonly<Record<string, unknown>>;

/** One plugin's part of a configuration: what it is given on its standard input, but for what the runtime adds. */
export interface PluginConfig extends Json {
  /** The name of its program. */
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** A network as the CNI specification has it (`*.conflist`): plugins that are run one after the other. */
export interface NetworkConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly disableCheck?: boolean;
  readonly disableGC?: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** Those whose results have the form that is read here. */
const VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** What every plugin of such a configuration knows. Since 0.4.0 there is `CHECK`, since 1.1.0 `GC` and `STATUS`. */
export function hasVersion({ cniVersion }: NetworkConfig, least: '0.4.0' | '1.1.0'): boolean {
  return VERSIONS.indexOf(cniVersion) >= VERSIONS.indexOf(least);
}

/** The first configuration in a directory by the names of the files, as all runtimes choose it; `undefined` if there is none. */
export async function loadNetworkConfig(directory: string): Promise<NetworkConfig | undefined> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const first = names.filter((name) => /\.(conf|conflist|json)$/.test(name)).toSorted()[0];
  if (first === undefined) return undefined;
  const path = join(directory, first);
  try {
    return parseNetworkConfig(await readFile(path, 'utf8'));
  } catch (error) {
    throw new KeelsonError('ServiceUnavailable', `Cannot use network configuration "${path}": ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Reads a list of plugins (`*.conflist`), or one plugin (`*.conf`), which is a list of one. Throws `BadRequest`. */
export function parseNetworkConfig(text: string): NetworkConfig {
  const config: unknown = parse(text);
  if (!isObject(config)) throw new KeelsonError('BadRequest', 'it is no object');
  const { cniVersion, cniVersions, name, type, plugins = [config], disableCheck, disableGC } = config;
  if (typeof name !== 'string' || !/^[a-zA-Z0-9][\w.-]*$/.test(name))
    throw new KeelsonError('BadRequest', 'it has no valid "name"');
  if (!Array.isArray(plugins) || plugins.length === 0) throw new KeelsonError('BadRequest', 'it has no "plugins"');
  if (type === undefined && plugins[0] === config) throw new KeelsonError('BadRequest', 'it has neither "plugins" nor a "type"');
  if (!plugins.every(isPlugin)) throw new KeelsonError('BadRequest', 'a plugin has no valid "type"');
  return {
    cniVersion: versionOf(cniVersion, cniVersions),
    name,
    plugins,
    ...(isSet(disableCheck) && { disableCheck: true }),
    ...(isSet(disableGC) && { disableGC: true }),
  };
}

/** The newest that both sides know. */
function versionOf(one: unknown, several: unknown): string {
  const offered = Array.isArray(several) ? [one, ...(several as unknown[])] : [one];
  const known = VERSIONS.findLast((version) => offered.includes(version));
  if (known !== undefined) return known;
  throw new KeelsonError('BadRequest', `"cniVersion" is ${JSON.stringify(one)}, known are ${VERSIONS.join(', ')}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KeelsonError('BadRequest', `it is no JSON: ${errorMessage(error)}`, { cause: error });
  }
}

function isPlugin(value: unknown): value is PluginConfig {
  return isObject(value) && typeof value['type'] === 'string' && /^[^/\s]+$/.test(value['type']) && !/^\.+$/.test(value['type']);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSet(value: unknown): boolean {
  return value === true || value === 'true';
}
