import { isReason, KeelsonError } from '@keelson/base';
import {
  cgroupParentFor,
  limitCgroup,
  removeCgroup,
  type ContainerResources,
  type PodFilter,
  type SandboxConfig,
  type SandboxStatus,
} from '@keelson/runtime';
import type { EngineAbilities } from './abilities.ts';
import type { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect } from './engine/engine-types.ts';
import type { Inspector } from './inspector.ts';
import { CGROUP_LABEL, SANDBOX_LABEL, sandboxName } from './record.ts';
import type { SandboxNetwork } from './sandbox-network.ts';
import { sandboxSpec } from './sandbox-spec.ts';
import { sandboxStatus } from './status.ts';

export interface SandboxesDependencies {
  readonly engine: EngineClient;
  readonly inspector: Inspector;
  readonly abilities: EngineAbilities;
  readonly network: SandboxNetwork;
  readonly cgroupRoot: string;
}

/** Setting up a network takes time on a busy machine. */
const START_TIMEOUT_MS = 120_000;

/** Sandboxes: containers that do nothing but hold a pod's namespaces. */
export class Sandboxes {
  readonly #deps: SandboxesDependencies;

  constructor(deps: SandboxesDependencies) {
    this.#deps = deps;
  }

  async run(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    const { abilities, engine, inspector, network, cgroupRoot } = this.#deps;
    const [{ CgroupDriver }, lowersOomScore] = await Promise.all([abilities.info(), abilities.lowersOomScore()]);
    const cgroupParent = cgroupParentFor(CgroupDriver, cgroupRoot, config.cgroupParent);
    const spec = sandboxSpec({ config, network: network.settings(config), cgroupParent, lowersOomScore });
    const id = await this.#create(sandboxName(config), spec, signal);
    try {
      await engine.json({ method: 'POST', path: `/containers/${id}/start`, timeoutMs: START_TIMEOUT_MS, signal });
      if (!config.hostNetwork) await network.attach(await inspector.one(id, signal), config, signal);
      if (config.resources) await limitCgroup(cgroupParent, config.resources);
    } catch (error) {
      await this.remove(id).catch(() => undefined);
      throw error;
    }
    const status = await this.#status(await inspector.one(id, signal));
    if (status?.state !== 'ready')
      throw new KeelsonError('InternalError', `Sandbox ${id} of ${sandboxName(config)} has ended at once`);
    return status;
  }

  async update(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    const { Config } = await this.#deps.inspector.one(id, signal);
    const cgroup = Config.Labels[CGROUP_LABEL];
    if (cgroup !== undefined) await limitCgroup(cgroup, resources);
  }

  async stop(id: string, signal?: AbortSignal): Promise<void> {
    const { inspector, network } = this.#deps;
    const containers = await inspector.withLabels([`${SANDBOX_LABEL}=${id}`], signal);
    const running = containers.filter(({ State }) => State.Running);
    await Promise.all(running.map((container) => this.#kill(container.Id, signal)));
    await network.detach(id, signal);
    await this.#kill(id, signal);
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    const { inspector, network } = this.#deps;
    const containers = await inspector.withLabels([`${SANDBOX_LABEL}=${id}`], signal);
    await Promise.all(containers.map((container) => this.#remove(container.Id, signal)));
    const sandbox = await inspector.find(id, signal);
    await network.detach(id, signal);
    await this.#remove(id, signal);
    const cgroup = sandbox?.Config.Labels[CGROUP_LABEL];
    if (cgroup !== undefined) await removeCgroup(cgroup);
  }

  async list(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    const all = await this.#deps.inspector.all('sandbox', signal, only);
    const statuses = await Promise.all(all.map((inspect) => this.#status(inspect)));
    return statuses.filter((status) => status !== undefined);
  }

  /** Gives up the networks of sandboxes that somebody has removed, or that were never finished. */
  async clearUp(signal?: AbortSignal): Promise<void> {
    const { inspector, network } = this.#deps;
    const there = async () => new Set((await inspector.all('sandbox', signal)).map(({ Id }) => Id));
    await network.retain(there, signal);
  }

  async #status(inspect: ContainerInspect): Promise<SandboxStatus | undefined> {
    const isOnHost = inspect.HostConfig.NetworkMode === 'host';
    return sandboxStatus(inspect, isOnHost ? [] : await this.#deps.network.addresses(inspect));
  }

  /** A half made one of the same pod and attempt has the name: it gives way. */
  async #create(name: string, spec: object, signal: AbortSignal | undefined): Promise<string> {
    const { abilities, engine, inspector } = this.#deps;
    await abilities.pauseImage();
    const call = { method: 'POST', path: '/containers/create', query: { name }, body: spec, signal } as const;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await engine.json<{ Id: string }>(call)).Id;
      } catch (error) {
        if (attempt > 1 || !isReason(error, 'Conflict', 'NotFound')) throw error;
        if (isReason(error, 'Conflict')) {
          const older = await inspector.find(name, signal);
          if (older) await this.remove(older.Id, signal);
        } else {
          abilities.forgetPauseImage();
          await abilities.pauseImage();
        }
      }
    }
  }

  async #kill(id: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#deps.engine.json({ method: 'POST', path: `/containers/${id}/kill`, signal });
    } catch (error) {
      // Conflict: it does not run.
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #remove(id: string, signal: AbortSignal | undefined): Promise<void> {
    await removeContainer(this.#deps, id, signal);
  }
}

/** Kills it if it runs, and removes it with its anonymous volumes. Nothing happens if it is not there. */
export async function removeContainer(
  { engine, inspector }: { readonly engine: EngineClient; readonly inspector: Inspector },
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await engine.json({ method: 'DELETE', path: `/containers/${id}`, query: { force: 1, v: 1 }, signal });
  } catch (error) {
    // Conflict: somebody else is removing it right now.
    if (!isReason(error, 'NotFound', 'Conflict')) throw error;
  } finally {
    inspector.forget(id);
  }
}
