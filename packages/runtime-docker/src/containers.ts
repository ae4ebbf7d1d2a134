import { readFile } from 'node:fs/promises';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import type { ContainerConfig, ContainerResources, ContainerStatus, LogLimits, PodFilter, PodIdentity } from '@keelson/runtime';
import type { EngineAbilities } from './abilities.ts';
import { checkSeccomp, containerSpec, resourceLimits, type ContainerSpecInput } from './container-spec.ts';
import type { DockerImages } from './docker-images.ts';
import type { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect } from './engine/engine-types.ts';
import type { ImageVolumes } from './image-volumes.ts';
import type { Inspector } from './inspector.ts';
import type { OomKills } from './oom-kills.ts';
import { containerName, KIND_LABEL, recordOf } from './record.ts';
import { removeContainer } from './sandboxes.ts';
import { containerStatus } from './status.ts';

export interface ContainersDependencies {
  readonly engine: EngineClient;
  readonly inspector: Inspector;
  readonly abilities: EngineAbilities;
  readonly images: DockerImages;
  readonly oomKills: OomKills;
  readonly logLimits: () => LogLimits;
  readonly imageVolumes: ImageVolumes;
}

/** What Docker needs over the grace period to kill, and to tidy up. */
const STOP_SLACK_MS = 60_000;
const START_TIMEOUT_MS = 120_000;

interface SandboxFacts {
  readonly inspect: ContainerInspect;
  readonly pod: PodIdentity;
  readonly sharesPids: boolean;
}

/** The containers of pods, inside sandboxes. */
export class Containers {
  readonly #deps: ContainersDependencies;

  constructor(deps: ContainersDependencies) {
    this.#deps = deps;
  }

  async create(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string> {
    const images = config.mounts.flatMap(({ image }) => image ?? []);
    const create = (volumes: readonly string[]) => this.#create(sandboxId, config, volumes, signal);
    return images.length === 0 ? create([]) : this.#deps.imageVolumes.during(images, create, signal);
  }

  async #create(
    sandboxId: string,
    config: ContainerConfig,
    imageVolumes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { engine, inspector } = this.#deps;
    const sandbox = await this.#sandbox(sandboxId, signal);
    const body = containerSpec({ ...(await this.#spec(sandbox, config, signal)), imageVolumes });
    const name = containerName(sandbox.pod, config);
    const call = { method: 'POST', path: '/containers/create', query: { name }, body, signal } as const;
    try {
      return (await engine.json<{ Id: string }>(call)).Id;
    } catch (error) {
      if (!isReason(error, 'Conflict')) throw error;
      const older = await inspector.find(name, signal);
      if (older) await this.remove(older.Id, signal);
      return (await engine.json<{ Id: string }>(call)).Id;
    }
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    const { engine, inspector } = this.#deps;
    try {
      await engine.json({ method: 'POST', path: `/containers/${id}/start`, timeoutMs: START_TIMEOUT_MS, signal });
    } catch (error) {
      // The container is there, and the engine answers: it is the process that cannot be started.
      if (isReason(error, 'ServiceUnavailable') || !isReason(error) || !(await inspector.find(id, signal))) throw error;
      throw new KeelsonError('BadRequest', errorMessage(error), { cause: error });
    } finally {
      inspector.forget(id);
    }
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const { engine, inspector } = this.#deps;
    const t = Math.max(0, Math.ceil(graceSeconds));
    this.#deps.oomKills.stopping(id);
    const call = { method: 'POST', query: { t }, timeoutMs: t * 1000 + STOP_SLACK_MS, isLong: true, signal } as const;
    try {
      await engine.json({ ...call, path: `/containers/${id}/stop` });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    } finally {
      inspector.forget(id);
    }
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    this.#deps.oomKills.forget(id);
    await removeContainer(this.#deps, id, signal);
  }

  async list(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    const all = await this.#deps.inspector.all('container', signal, only);
    const statuses = await Promise.all(all.map((each) => this.#status(each)));
    return statuses.filter((status) => status !== undefined);
  }

  async status(id: string, signal?: AbortSignal): Promise<ContainerStatus> {
    const status = await this.#status(await this.#deps.inspector.one(id, signal));
    if (!status) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return status;
  }

  async update(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    await this.#deps.engine.json({ method: 'POST', path: `/containers/${id}/update`, body: resourceLimits(resources), signal });
    this.#deps.inspector.forget(id);
  }

  async #status(inspect: ContainerInspect): Promise<ContainerStatus | undefined> {
    return containerStatus(inspect, await this.#deps.oomKills.ended(inspect));
  }

  async #sandbox(id: string, signal: AbortSignal | undefined): Promise<SandboxFacts> {
    const inspect = await this.#deps.inspector.one(id, signal);
    const record = recordOf(inspect.Config.Labels);
    if (!record || inspect.Config.Labels[KIND_LABEL] !== 'sandbox') throw new KeelsonError('NotFound', `No such sandbox: ${id}`);
    return { inspect, pod: record.pod, sharesPids: record.sharesPids ?? false };
  }

  async #spec(
    { inspect, pod, sharesPids }: SandboxFacts,
    config: ContainerConfig,
    signal: AbortSignal | undefined,
  ): Promise<Omit<ContainerSpecInput, 'imageVolumes'>> {
    const { abilities, images, logLimits } = this.#deps;
    const { privileged, addCapabilities, seccompProfile: profile } = config.security;
    checkSeccomp(profile);
    const image = await images.find(config.image, signal);
    if (!image) throw new KeelsonError('NotFound', `No such image: ${config.image}`);
    const isById = config.image === image.id || /^(sha256:)?[0-9a-f]{12,64}$/.test(config.image);
    const record = {
      name: config.name,
      sandboxId: inspect.Id,
      image: isById ? (image.repoTags[0] ?? config.image) : config.image,
      imageId: image.repoDigests[0] ?? image.id,
    };
    return {
      pod,
      config,
      sandbox: inspect,
      record,
      sharesPids,
      logLimits: logLimits(),
      lowersOomScore: (config.resources.oomScoreAdj ?? 0) >= 0 || (await abilities.lowersOomScore()),
      privileges: privileged || addCapabilities.includes('ALL') ? await abilities.privileges() : true,
      seccompProfile: profile.startsWith('/') ? await readFile(profile, 'utf8') : undefined,
    };
  }
}
