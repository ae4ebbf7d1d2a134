import { errorMessage, SystemClock } from '@keelson/base';
import { CriRuntime } from './cri-runtime.ts';
import { CONTAINERD_ENDPOINT } from './endpoint.ts';

export type CriAvailability =
  | {
      readonly available: true;
      readonly name: string;
      readonly version: string;
      /** Where the runtime looks for the configuration of its network, if it says. */
      readonly cniConfigDir?: string;
    }
  | { readonly available: false; readonly why: string };

const TIMEOUT_MS = 2000;

/** Whether a runtime answers there, and if not, why. Takes some seconds at most, and never rejects. */
export async function criAvailable(endpoint: string = CONTAINERD_ENDPOINT): Promise<CriAvailability> {
  const runtime = new CriRuntime({ clock: new SystemClock(), endpoint, timeoutMs: TIMEOUT_MS });
  try {
    const { name, version } = await runtime.info();
    const cniConfigDir = await runtime.cniConfigDir();
    return { available: true, name, version, ...(cniConfigDir !== undefined && { cniConfigDir }) };
  } catch (error) {
    return { available: false, why: errorMessage(error) };
  } finally {
    await runtime.close();
  }
}
