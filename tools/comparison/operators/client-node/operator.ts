import {
  CoreV1Api,
  CustomObjectsApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type Informer,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  type V1Condition,
  type V1ConfigMap,
} from '@kubernetes/client-node';

export interface Greeting extends KubernetesObject {
  spec: { text: string };
  status?: { observedGeneration?: number; conditions?: V1Condition[] };
}

export const GREETINGS = { group: 'example.com', version: 'v1', plural: 'greetings' } as const;
const OWNED = 'example.com/greeting';
const APPLY = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const RESTART_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** Keeps a ConfigMap of the same name for each Greeting. */
export class GreetingOperator {
  readonly #core: CoreV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #informers: Informer<KubernetesObject>[];
  readonly #failures = new Map<string, number>();
  /** Keys that are worked on; true: they are to be worked on again. */
  readonly #working = new Map<string, boolean>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  constructor(config: KubeConfig) {
    this.#core = config.makeApiClient(CoreV1Api);
    this.#custom = config.makeApiClient(CustomObjectsApi);
    const greetings = makeInformer<Greeting>(
      config,
      '/apis/example.com/v1/greetings',
      async () => (await this.#custom.listClusterCustomObject(GREETINGS)) as KubernetesListObject<Greeting>,
    );
    const maps = makeInformer<V1ConfigMap>(
      config,
      '/api/v1/configmaps',
      () => this.#core.listConfigMapForAllNamespaces({ labelSelector: OWNED }),
      OWNED,
    );
    this.#informers = [greetings, maps] as Informer<KubernetesObject>[];
  }

  async start(): Promise<void> {
    for (const informer of this.#informers) {
      for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, (object) => this.#enqueue(keyOf(object)));
      // An informer that has failed stays so until it is started again.
      informer.on('error', () => this.#later(RESTART_MS, () => this.#restart(informer)));
      this.#restart(informer);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#informers.map((informer) => informer.stop()));
  }

  #restart(informer: Informer<KubernetesObject>): void {
    informer.start().catch(() => this.#later(RESTART_MS, () => this.#restart(informer)));
  }

  #later(delayMs: number, work: () => void): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer);
  }

  /** One reconciliation of a key at a time, and another one if something has come in between. */
  #enqueue(key: string): void {
    if (this.#working.has(key)) {
      this.#working.set(key, true);
      return;
    }
    this.#working.set(key, false);
    this.#reconcile(key)
      .then(
        () => this.#failures.delete(key),
        () => {
          const failures = (this.#failures.get(key) ?? 0) + 1;
          this.#failures.set(key, failures);
          this.#later(Math.min(10 * 2 ** failures, LONGEST_RETRY_MS), () => this.#enqueue(key));
        },
      )
      .finally(() => {
        const again = this.#working.get(key);
        this.#working.delete(key);
        if (again && !this.#stopped) this.#enqueue(key);
      });
  }

  async #reconcile(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const greeting = await this.#find(namespace, name);
    if (!greeting || greeting.metadata?.deletionTimestamp) return;
    const { uid = '', generation = 0 } = greeting.metadata ?? {};
    const owner = { apiVersion: 'example.com/v1', kind: 'Greeting', name, uid, controller: true, blockOwnerDeletion: true };
    const metadata = { name, namespace, labels: { [OWNED]: 'true' }, ownerReferences: [owner] };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: greeting.spec.text } };
    await this.#core.patchNamespacedConfigMap({ name, namespace, body, fieldManager: 'greetings', force: true }, APPLY);
    await this.#report(greeting, generation);
  }

  async #report(greeting: Greeting, observedGeneration: number): Promise<void> {
    const { name = '', namespace = '' } = greeting.metadata ?? {};
    const old = greeting.status?.conditions?.find(({ type }) => type === 'Ready');
    if (greeting.status?.observedGeneration === observedGeneration && old?.status === 'True') return;
    const lastTransitionTime = old?.status === 'True' ? old.lastTransitionTime : new Date().toISOString();
    const ready = { type: 'Ready', status: 'True', reason: 'Applied', message: '', lastTransitionTime };
    const others = (greeting.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
    const body = { status: { observedGeneration, conditions: [...others, ready] } };
    await this.#custom.patchNamespacedCustomObjectStatus({ ...GREETINGS, name, namespace, body }, MERGE);
  }

  async #find(namespace: string, name: string): Promise<Greeting | undefined> {
    try {
      return (await this.#custom.getNamespacedCustomObject({ ...GREETINGS, namespace, name })) as Greeting;
    } catch (error) {
      if ((error as { code?: number }).code === 404) return undefined;
      throw error;
    }
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
