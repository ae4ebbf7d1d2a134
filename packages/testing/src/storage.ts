import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageClass } from '@keelson/api/storage/v1';
import { ensureObjects } from '@keelson/api-server';
import type { Clock, Logger, Runnable } from '@keelson/base';
import { createClient, type Transport } from '@keelson/client';
import { EventRecorder, type InformerFactory } from '@keelson/controller-runtime';
import { LOCAL_PATH_CLASS, localPathProvisioner } from '@keelson/local-path';

interface Dependencies {
  readonly transport: Transport;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Volumes for claims that name no class: directories under a temporary one, which goes with it. */
export class TestStorage implements Runnable {
  readonly name = 'storage';
  readonly #deps: Dependencies;
  readonly #events: EventRecorder;
  #root: string | undefined;
  #provisioner: Runnable | undefined;

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#events = new EventRecorder({ ...deps, client: createClient(deps.transport), component: 'local-path-provisioner' });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { transport } = this.#deps;
    await ensureObjects(transport, [{ kind: StorageClass, object: LOCAL_PATH_CLASS, reconcile: false }]);
    this.#root = await mkdtemp(join(tmpdir(), 'keelson-volumes-'));
    const deps = { ...this.#deps, client: createClient(transport), events: this.#events };
    this.#provisioner = localPathProvisioner({ root: this.#root }, deps);
    await this.#provisioner.start(signal);
  }

  async stop(): Promise<void> {
    await this.#provisioner?.stop();
    await this.#events.stop();
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true });
  }
}
