import { deepEqual } from '@keelson/api';
import type { APIService } from '@keelson/api/apiregistration/v1';
import { Backoff, errorMessage, isReason, sleepOn, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { Subscription } from 'rxjs';
import type { Registry } from '../registry/registry.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { Follower } from '../storage/follower.ts';
import type { ResourceStorage } from '../storage/resource-storage.ts';
import { apiServiceName, AUTO_MANAGED, customApiService } from './local-services.ts';

export interface CustomServicesDependencies {
  readonly registry: Registry;
  /** Of APIServices. */
  readonly storage: ResourceStorage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Into this server, as itself. */
  readonly transport: () => Transport;
}

const PATH = '/apis/apiregistration.k8s.io/v1/apiservices';

/**
 * Keeps an APIService for each version of a group that custom resources are served in, and takes away those that nothing is served in any
 * more. What others have made is left as it is. Several servers over one store do the same without harm.
 */
export class CustomServices {
  readonly #deps: CustomServicesDependencies;
  readonly #tasks: TaskGroup;
  readonly #follower: Follower;
  /** Names of APIServices to look at. */
  readonly #due = new Set<string>();
  #changes: Subscription | undefined;
  #isRunning = false;

  constructor(deps: CustomServicesDependencies) {
    this.#deps = deps;
    this.#tasks = new TaskGroup(deps.logger);
    this.#follower = new Follower({
      ...deps,
      tasks: this.#tasks,
      seen: (item) => isKept(item.object() as Readonly<APIService>) && this.#look([item.name]),
      gone: (name) => this.#look([name]),
    });
  }

  /** To be called when all custom resources are served: what is not by then is taken for gone. */
  async start(): Promise<void> {
    const { registry } = this.#deps;
    this.#changes = registry.changes$.subscribe((changes) => this.#lookAt(changes.map(({ definition }) => definition)));
    this.#lookAt(registry.all());
    await this.#follower.start();
  }

  async stop(): Promise<void> {
    this.#changes?.unsubscribe();
    this.#follower.stop();
    await this.#tasks.stop();
  }

  #lookAt(definitions: readonly ResourceDefinition[]): void {
    this.#look(definitions.filter(isCustom).map(apiServiceName));
  }

  #look(names: readonly string[]): void {
    for (const name of names) this.#due.add(name);
    if (this.#isRunning || this.#due.size === 0) return;
    this.#isRunning = true;
    this.#tasks.run('APIServices of custom resources', async (signal) => {
      await this.#bringAll(signal);
      this.#isRunning = false;
    });
  }

  async #bringAll(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 50, maxMs: 10_000, jitter: 0.5 });
    for (let [name] = this.#due; name !== undefined && !signal.aborted; [name] = this.#due) {
      this.#due.delete(name);
      try {
        await this.#bring(name);
        backoff.reset();
      } catch (error) {
        this.#due.add(name);
        this.#deps.logger.debug('cannot keep an APIService', { name, error: errorMessage(error) });
        await sleepOn(this.#deps.clock, backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  async #bring(name: string): Promise<void> {
    const { registry, storage } = this.#deps;
    await storage.cache.fresh();
    const found = storage.cache.get('', name)?.object() as Readonly<APIService> | undefined;
    if (found && !isKept(found)) return;
    const served = registry.all().find((each) => isCustom(each) && apiServiceName(each) === name);
    const wanted = served && customApiService(served);
    if (!wanted) return found && this.#write('DELETE', `${PATH}/${encodeURIComponent(name)}`);
    if (!found) return this.#write('POST', PATH, wanted);
    if (!deepEqual(found.spec, wanted.spec))
      await this.#write('PUT', `${PATH}/${encodeURIComponent(name)}`, { ...found, spec: wanted.spec });
  }

  /** Somebody else may be faster, and do the same. */
  async #write(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: APIService): Promise<void> {
    try {
      await this.#deps.transport().request({ method, path, body });
    } catch (error) {
      if (!isReason(error, 'AlreadyExists', 'NotFound')) throw error;
    }
  }
}

function isKept({ metadata }: Readonly<APIService>): boolean {
  return metadata?.labels?.[AUTO_MANAGED] === 'true';
}

function isCustom({ storage }: ResourceDefinition): boolean {
  return storage?.codec !== undefined;
}
