import { errorMessage } from '@keelson/base';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient } from './engine/engine-client.ts';

const TIMEOUT_MS = 2000;
const OLDEST = [1, 41] as const;

export type DockerAvailability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly why: string };

/** Whether an engine that will do answers there, and if not, why. Takes 2 s at most, and never rejects. */
export async function dockerAvailable(host?: string): Promise<DockerAvailability> {
  let engine: EngineClient | undefined;
  try {
    engine = new EngineClient(engineAddress(host));
    // An engine that is too old refuses the version in the path, and says so.
    const answer = await engine.json<{ Version: string; ApiVersion: string; Os: string }>({
      method: 'GET',
      path: '/version',
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.Os !== 'linux') return { available: false, why: `the engine runs ${answer.Os} containers` };
    if (isOlder(answer.ApiVersion)) return { available: false, why: `the engine speaks API ${answer.ApiVersion} only` };
    return { available: true, version: answer.Version };
  } catch (error) {
    return { available: false, why: errorMessage(error) };
  } finally {
    engine?.close();
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
