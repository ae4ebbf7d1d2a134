import { errorMessage } from '@keelson/base';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient, isOlder } from './engine/engine-client.ts';

const TIMEOUT_MS = 2000;
const OLDEST = '1.41';

export type DockerAvailability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly why: string };

/** Whether an engine that will do answers there, and if not, why. Takes 2 s at most, and never rejects. */
export async function dockerAvailable(host?: string): Promise<DockerAvailability> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let engine: EngineClient | undefined;
  try {
    engine = new EngineClient(engineAddress(host));
    const answer = await engine.json<{ Version: string; ApiVersion: string; Os: string }>({
      method: 'GET',
      path: '/version',
      signal,
    });
    if (answer.Os !== 'linux') return { available: false, why: `the engine runs ${answer.Os} containers` };
    if (isOlder(answer.ApiVersion, OLDEST)) return { available: false, why: `the engine speaks API ${answer.ApiVersion} only` };
    return { available: true, version: answer.Version };
  } catch (error) {
    return { available: false, why: signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : errorMessage(error) };
  } finally {
    engine?.close();
  }
}
