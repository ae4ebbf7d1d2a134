import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ContainerStatus } from '@keelson/runtime';
import { allContainers, ANNOTATIONS } from '../pod/pod-facts.ts';
import type { PodView } from '../pod/runtime-view.ts';

const MAX_FILE_BYTES = 4096;
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

  forget(view: PodView): void {
    for (const { id } of view.containers) this.#byContainer.delete(id);
  }

  async #read(pod: Pod, ended: ContainerStatus): Promise<string> {
    const path = ended.annotations[ANNOTATIONS.terminationMessagePath];
    const fromFile = path === undefined ? '' : await headOf(path);
    const spec = allContainers(pod.spec ?? { containers: [] }).find(({ name }) => name === ended.name);
    if (fromFile !== '' || spec?.terminationMessagePolicy !== 'FallbackToLogsOnError' || ended.exitCode === 0) return fromFile;
    const log = await text(await this.#runtime.logs(ended.id, { follow: false, timestamps: false, tailLines: MAX_LOG_LINES }));
    return Buffer.from(log).subarray(-MAX_LOG_BYTES).toString();
  }
}

async function headOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES), 0, MAX_FILE_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
