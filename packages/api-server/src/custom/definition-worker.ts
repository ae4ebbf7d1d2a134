import { cloneJson, formatTime } from '@keelson/api';
import type { CustomResourceDefinition, CustomResourceDefinitionStatus } from '@keelson/api/apiextensions/v1';
import { Backoff, errorMessage, isReason, type TaskGroup } from '@keelson/base';
import { conditionOf, isTrue, setCondition } from '../kinds/definition/conditions.ts';
import { CLEANUP_FINALIZER } from '../kinds/definition/definition-strategy.ts';
import type { CustomResourcesDependencies } from './custom-resources.ts';
import { definitionStatus, takenNames } from './definition-status.ts';
import type { InstalledKind } from './installed-kind.ts';
import { deleteInstances, InstanceWatch } from './instances.ts';

interface Dependencies extends CustomResourcesDependencies {
  readonly tasks: TaskGroup;
  readonly installed: ReadonlyMap<string, InstalledKind>;
}

type Status = CustomResourceDefinitionStatus;

const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * Brings definitions, one after the other, to the state that they should be in: accepted names, conditions, and for those that are being
 * deleted the end of their objects. Looks at a definition when it, its group or its objects have changed; safe to be killed and to run twice.
 */
export class DefinitionWorker implements Disposable {
  readonly #deps: Dependencies;
  readonly #due = new Set<string>();
  readonly #failures = new Map<string, Backoff>();
  readonly #timers = new Set<Disposable>();
  #wake: (() => void) | undefined;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.tasks.run('definitions', (signal) => this.#run(signal));
  }

  look(name: string): void {
    this.#due.add(name);
    this.#wake?.();
  }

  /** Names have become free: whoever waits for them may have them now. */
  lookAtGroup(group: string): void {
    for (const [name, known] of this.#deps.installed) if (known.group === group) this.look(name);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#wake?.();
  }

  async #run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      const [name] = this.#due;
      if (name === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#due.delete(name);
      await this.#bring(name);
    }
  }

  async #bring(name: string): Promise<void> {
    try {
      await this.#reconcile(name);
      this.#failures.delete(name);
    } catch (error) {
      // Somebody else was faster: what they wrote is on its way here.
      if (isReason(error, 'NotFound')) return;
      this.#deps.logger.debug('cannot bring a definition to its state', { name, error: errorMessage(error) });
      this.#lookLater(name);
    }
  }

  #lookLater(name: string): void {
    if (this.#deps.tasks.signal.aborted) return;
    const backoff = this.#failures.get(name) ?? new Backoff({ initialMs: 20, maxMs: 10_000, jitter: 0.5 });
    this.#failures.set(name, backoff);
    const timer = this.#deps.clock.after(backoff.next(), () => {
      this.#timers.delete(timer);
      this.look(name);
    });
    this.#timers.add(timer);
  }

  async #reconcile(name: string): Promise<void> {
    const known = this.#deps.installed.get(name);
    if (!known) return;
    const definition = known.item.object() as CustomResourceDefinition;
    if (await this.#giveStatus(known, definition)) return;
    const { deletionTimestamp, finalizers } = definition.metadata ?? {};
    if (deletionTimestamp !== undefined && finalizers?.includes(CLEANUP_FINALIZER)) await this.#cleanUp(known, definition);
  }

  /** True if something was written: the change will be looked at in its turn. */
  async #giveStatus(known: InstalledKind, definition: CustomResourceDefinition): Promise<boolean> {
    const before = definition.status ?? {};
    const others = [...this.#deps.installed.values()].filter((other) => other !== known && other.group === known.group);
    const taken = takenNames(others.map(({ accepted }) => accepted));
    const status = definitionStatus(definition, taken, this.#deps.clock.now());
    if (status === before) return false;
    await this.#writeStatus(definition, status);
    return true;
  }

  async #cleanUp(known: InstalledKind, definition: CustomResourceDefinition): Promise<void> {
    const { status = {} } = definition;
    if (!isTrue(status, 'Established') || !known.kind) {
      return this.#finish(definition, { reason: 'NeverEstablished', message: 'resource was never established' });
    }
    const progress = { reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' };
    if (conditionOf(status, 'Terminating')?.reason !== progress.reason) {
      await this.#writeStatus(definition, this.#terminating(status, { ...progress, status: 'True' }));
      return;
    }
    const { services } = this.#deps;
    const { stored } = known.kind;
    const left = await deleteInstances(services, stored);
    known.cleanUp?.[Symbol.dispose]();
    known.cleanUp = undefined;
    if (left === 0) return this.#finish(definition, { reason: 'InstanceDeletionCompleted', message: 'removed all instances' });
    const name = definition.metadata?.name ?? '';
    const storage = services.storages.of(stored);
    known.cleanUp = new InstanceWatch(storage, () => this.look(name));
    // What went before the watch began was told to nobody.
    if (storage.cache.size < left) this.look(name);
  }

  #terminating(status: Status, condition: { status: string; reason: string; message: string }): Status {
    return setCondition(status, { type: 'Terminating', ...condition }, formatTime(this.#deps.clock.now()));
  }

  /** Says that nothing is left, and lets the definition go. */
  async #finish(definition: CustomResourceDefinition, why: { reason: string; message: string }): Promise<void> {
    const status = this.#terminating(definition.status ?? {}, { ...why, status: 'False' });
    const said = await this.#writeStatus(definition, status);
    const finalizers = said.metadata?.finalizers?.filter((finalizer) => finalizer !== CLEANUP_FINALIZER) ?? [];
    await this.#put(said, { ...cloneJson(said), metadata: { ...said.metadata, finalizers } });
  }

  async #writeStatus(definition: CustomResourceDefinition, status: Status): Promise<CustomResourceDefinition> {
    return this.#put(definition, { ...cloneJson(definition), status }, '/status');
  }

  /** Carries the revision that was read: whoever wrote since then makes this fail. */
  async #put(
    { metadata }: CustomResourceDefinition,
    body: CustomResourceDefinition,
    part = '',
  ): Promise<CustomResourceDefinition> {
    const path = `${PATH}/${encodeURIComponent(metadata?.name ?? '')}${part}`;
    const answer = await this.#deps.transport().request({ method: 'PUT', path, body });
    return answer.body as CustomResourceDefinition;
  }
}
