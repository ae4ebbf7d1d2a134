import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ContainerStatus } from '@keelson/runtime';
import { allContainers, ANNOTATIONS } from '../pod/pod-facts.ts';
import type { PodView } from '../pod/runtime-view.ts';

const MAX_FILE_BYTES = 4096;
/** Of all containers of a pod together. */
const MAX_POD_BYTES = 12 * 1024;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/** The last words of containers that have ended: of the file that they may write, or the end of their log. Each is read once. */
export class TerminationMessages {
  readonly #runtime: ContainerRuntime;
  readonly #byContainer = new Map<string, string>();

  constructor(runtime: ContainerRuntime) {
    this.#runtime = runtime;
  }

  get(container: ContainerStatus): string | undefined {
    return this.#byContainer.get(container.id);
  }

  async collect(pod: Pod, view: PodView): Promise<void> {
    for (const container of view.containers) {
      if (container.state !== 'exited' || this.#byContainer.has(container.id)) continue;
      this.#byContainer.set(container.id, await this.#read(pod, container).catch(() => ''));
    }
  }

  forget(containers: readonly ContainerStatus[]): void {
    for (const { id } of containers) this.#byContainer.delete(id);
  }

  async #read(pod: Pod, ended: ContainerStatus): Promise<string> {
    const path = ended.annotations[ANNOTATIONS.terminationMessagePath];
    const all = allContainers(pod.spec ?? { containers: [] });
    const limit = Math.min(MAX_FILE_BYTES, Math.floor(MAX_POD_BYTES / Math.max(1, all.length)));
    const fromFile = path === undefined ? '' : await headOf(path, limit);
    const spec = all.find(({ name }) => name === ended.name);
    if (fromFile !== '' || spec?.terminationMessagePolicy !== 'FallbackToLogsOnError' || ended.exitCode === 0) return fromFile;
    const log = await text(await this.#runtime.logs(ended.id, { follow: false, timestamps: false, tailLines: MAX_LOG_LINES }));
    return Buffer.from(log).subarray(-MAX_LOG_BYTES).toString();
  }
}

async function headOf(path: string, limit: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limit), 0, limit, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
