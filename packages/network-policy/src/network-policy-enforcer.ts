import { deepEqual, type IpFamily, type KubernetesObject } from '@keelson/api';
import { Namespace, Pod } from '@keelson/api/core/v1';
import { NetworkPolicy } from '@keelson/api/networking/v1';
import { Backoff, errorMessage, KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Delta, Informer, InformerFactory } from '@keelson/controller-runtime';
import { runCommand, type CommandRunner } from '@keelson/proxy';
import { Subscription } from 'rxjs';
import { AdmittedPods } from './model/admitted-pods.ts';
import { ClusterPods } from './model/cluster-pods.ts';
import { compilePolicies } from './model/compile-policies.ts';
import { applyStatements, refusalOf, seeBridgedPackets } from './nft/nft.ts';
import { isIdle, rulesetOf, type Ruleset } from './nft/ruleset.ts';
import { changeStatements, fullStatements, removalStatements } from './nft/statements.ts';

export interface NetworkPolicyDependencies {
  /** Started by whoever made them. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How programs of the node are run. Default: as children of this process. */
  readonly run?: CommandRunner;
}

export interface NetworkPolicyOptions {
  /** Whose pods are kept apart. */
  readonly nodeName: string;
  /** Default both: a pod must not be open by the one that nobody thought of. */
  readonly families?: readonly IpFamily[];
  /** How often everything is written again, in case someone else took something away. Default 60,000. */
  readonly resyncMs?: number;
}

/** Changes within this time go into one transaction. */
const COALESCE_MS = 10;

/**
 * Enforces NetworkPolicies for the pods of one node by a table of nftables that is its alone. While no policy is for a pod of the node
 * there is no table. What the kernel has stays when it stops, so that a restart opens nothing; `removeNetworkPolicyRules` takes it away.
 */
export class NetworkPolicyEnforcer implements Runnable {
  readonly name = 'network-policy';
  readonly #deps: Required<NetworkPolicyDependencies>;
  readonly #options: Required<NetworkPolicyOptions>;
  readonly #logger: Logger;
  readonly #pods: Informer<Pod>;
  readonly #namespaces: Informer<Namespace>;
  readonly #policies: Informer<NetworkPolicy>;
  readonly #admitted = new AdmittedPods();
  readonly #deltas = new Subscription();
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 30_000, jitter: 0.1 });
  /** What the kernel has; undefined if that is not known. */
  #applied: Ruleset | 'none' | undefined;
  #due: Disposable | undefined;
  #resync: Disposable | undefined;
  #running: Promise<void> | undefined;
  #isStarted = false;
  #isStopped = false;
  #bridgeProblem: string | undefined;

  /** Ask for it before the informers start. */
  constructor(deps: NetworkPolicyDependencies, options: NetworkPolicyOptions) {
    this.#deps = { run: runCommand, ...deps };
    this.#options = { families: ['IPv4', 'IPv6'], resyncMs: 60_000, ...options };
    this.#logger = deps.logger.child({ component: this.name });
    this.#pods = deps.informers.for(Pod);
    this.#namespaces = deps.informers.for(Namespace);
    this.#policies = deps.informers.for(NetworkPolicy);
  }

  /** Resolves once the policies that there are have been tried. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods, this.#namespaces, this.#policies].map((informer) => informer.whenSynced(signal)));
    await this.#syncNow();
    this.#isStarted = true;
    const later = (): void => this.#syncLater(COALESCE_MS);
    this.#deltas.add(this.#policies.deltas$.subscribe(later));
    this.#deltas.add(this.#pods.deltas$.subscribe((deltas) => deltas.some((delta) => matters(delta, factsOfPod)) && later()));
    this.#deltas.add(this.#namespaces.deltas$.subscribe((deltas) => deltas.some((delta) => matters(delta, labelsOf)) && later()));
    this.#resync = this.#deps.clock.every(this.#options.resyncMs, () => {
      this.#applied = undefined;
      this.#syncLater(0);
    });
  }

  /**
   * Resolves once the policies for a pod of this node are in effect at its addresses, which the API need not know yet: to be awaited before
   * anything runs in the pod. Rejects if they cannot be put into effect. Before it has started nothing is known of policies, and nothing waits
   * for it: pods that the API itself is made of would wait for ever.
   */
  async admit(pod: Pod, addresses: readonly string[], signal: AbortSignal): Promise<void> {
    const isNews = this.#admitted.add(
      { ...pod, spec: { containers: [], ...pod.spec, nodeName: this.#options.nodeName } },
      addresses,
    );
    // Most clusters have no policies, and then a pod costs nothing.
    if (!this.#isStarted || this.#isStopped || this.#policies.list().length === 0) return;
    // What is under way may have been begun for this pod, by somebody who did not wait for its end.
    if (isNews || this.#running || this.#applied === undefined) await this.#syncNow();
    signal.throwIfAborted();
    if (this.#applied === undefined) throw new KeelsonError('ServiceUnavailable', 'Network policies are not enforced');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#deltas.unsubscribe();
    this.#due?.[Symbol.dispose]();
    this.#resync?.[Symbol.dispose]();
    await this.#running;
  }

  #syncLater(delayMs: number): void {
    if (this.#isStopped) return;
    this.#due ??= this.#deps.clock.after(delayMs, () => void this.#syncNow());
  }

  /** One at a time, to what is known when it begins. Never rejects. */
  async #syncNow(): Promise<void> {
    await this.#running;
    this.#due?.[Symbol.dispose]();
    this.#due = undefined;
    this.#running ??= this.#sync().finally(() => (this.#running = undefined));
    await this.#running;
  }

  async #sync(): Promise<void> {
    try {
      const wanted = this.#wanted();
      await this.#apply(wanted);
      this.#applied = wanted;
      this.#backoff.reset();
    } catch (error) {
      this.#applied = undefined;
      this.#logger.error('network policies are not enforced', { error: errorMessage(error) });
      this.#syncLater(this.#backoff.next());
    }
  }

  #wanted(): Ruleset | 'none' {
    const { families, nodeName } = this.#options;
    const [namespaces, policies] = [this.#namespaces.list(), this.#policies.list()];
    const pods = this.#admitted.complete(this.#pods.list());
    const compiled = families.map((family) =>
      compilePolicies(policies, new ClusterPods({ pods, namespaces, family, nodeName }), family),
    );
    return isIdle(compiled) ? 'none' : rulesetOf(compiled);
  }

  async #apply(wanted: Ruleset | 'none'): Promise<void> {
    const { run } = this.#deps;
    const before = this.#applied;
    if (wanted === 'none') {
      if (before !== 'none') await applyStatements(run, removalStatements());
      return;
    }
    if (before === undefined || before === 'none') {
      this.#tellBridgeProblem(await seeBridgedPackets(run));
      await applyStatements(run, fullStatements(wanted));
      return;
    }
    const statements = changeStatements(before, wanted);
    if (statements !== '') await applyStatements(run, statements);
  }

  /** Once, not each time. */
  #tellBridgeProblem(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#bridgeProblem) {
      this.#logger.warn('policies do not see packets between pods on one bridge', { problem });
    }
    this.#bridgeProblem = problem;
  }
}

/** Why policies cannot be enforced here, in words for users; undefined if they can. Never rejects. */
export async function networkPolicyObstacle(run: CommandRunner = runCommand): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'nftables needs root';
  return refusalOf(run, fullStatements(rulesetOf([])));
}

/** Takes away what enforcers have left on the node. */
export async function removeNetworkPolicyRules(run: CommandRunner = runCommand): Promise<void> {
  await applyStatements(run, removalStatements());
}

function matters<T extends KubernetesObject>(delta: Delta<T>, facts: (object: T) => unknown): boolean {
  return delta.type !== 'updated' || !deepEqual(facts(delta.old), facts(delta.object));
}

function labelsOf({ metadata }: KubernetesObject): unknown {
  return metadata?.labels ?? {};
}

function factsOfPod({ metadata, spec, status }: Pod): unknown {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return [metadata?.labels ?? {}, status?.podIP ?? '', status?.podIPs ?? [], isOver, spec?.nodeName ?? ''];
}
