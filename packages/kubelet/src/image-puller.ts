import { errorMessage, isReason, type Clock } from '@keelson/base';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ImageStatus, PullCredentials } from '@keelson/runtime';
import type { ConfigReader } from './env/container-env.ts';
import type { WaitingReason } from './pod/container-statuses.ts';
import { RestartBackoff } from './pod/restart-backoff.ts';
import type { EventSink } from './ports.ts';

export type ImageOutcome =
  | { readonly ok: true; readonly image: ImageStatus }
  | { readonly ok: false; readonly waiting: WaitingReason; readonly retryAfterMs: number | undefined };

export interface ImagePullerDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly config: ConfigReader;
  readonly events: EventSink;
}

/** For so long the reason of a failure is shown, before it gives way to the back-off. */
const SHOWN_MS = 1000;
const REFERENCE =
  /^(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?$/;

/** Sees to it that an image is on the node, as the container's policy says. Pulls that fail are tried again with growing delays. */
export class ImagePuller {
  readonly #deps: ImagePullerDependencies;
  readonly #backoff: RestartBackoff;
  readonly #failed = new Map<string, { readonly atMs: number; readonly reason: string; readonly message: string }>();

  constructor(deps: ImagePullerDependencies) {
    this.#deps = deps;
    this.#backoff = new RestartBackoff(deps.clock);
  }

  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<ImageOutcome> {
    const { events, runtime } = this.#deps;
    const image = container.image ?? '';
    if (!REFERENCE.test(image)) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      events.event(pod, 'Warning', 'InspectFailed', message);
      return { ok: false, waiting: { reason: 'InvalidImageName', message }, retryAfterMs: undefined };
    }
    const policy = container.imagePullPolicy ?? defaultPullPolicy(image);
    const found = policy === 'Always' ? undefined : await runtime.images.find(image, signal);
    if (found) {
      events.event(
        pod,
        'Normal',
        'Pulled',
        `Container image "${image}" already present on machine and can be accessed by the pod`,
      );
      return { ok: true, image: found };
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      events.event(pod, 'Warning', 'ErrImageNeverPull', message);
      return { ok: false, waiting: { reason: 'ErrImageNeverPull', message }, retryAfterMs: undefined };
    }
    return this.#pull(pod, image, signal);
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}/`);
    for (const key of this.#failed.keys()) if (key.startsWith(`${podUid}/`)) this.#failed.delete(key);
  }

  async #pull(pod: Pod, image: string, signal: AbortSignal): Promise<ImageOutcome> {
    const { clock, events, runtime } = this.#deps;
    const key = `${pod.metadata?.uid}/${image}`;
    const failure = this.#failed.get(key);
    const remainingMs = failure ? this.#backoff.remainingMs(key, failure.atMs) : 0;
    if (failure && clock.now() - failure.atMs < SHOWN_MS) {
      const waiting = { reason: failure.reason, message: failure.message };
      return { ok: false, waiting, retryAfterMs: failure.atMs + SHOWN_MS - clock.now() };
    }
    if (failure && remainingMs > 0) {
      const message = `Back-off pulling image "${image}"`;
      events.event(pod, 'Normal', 'BackOff', message);
      const waiting = { reason: 'ImagePullBackOff', message: `${message}: ErrImagePull: ${failure.message}` };
      return { ok: false, waiting, retryAfterMs: remainingMs };
    }
    events.event(pod, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const startedAtMs = clock.monotonic();
    try {
      const pulled = await runtime.images.pull(image, await this.#credentials(pod, image), signal);
      const tookMs = Math.round(clock.monotonic() - startedAtMs);
      const took = `${tookMs}ms (${tookMs}ms including waiting)`;
      events.event(
        pod,
        'Normal',
        'Pulled',
        `Successfully pulled image "${image}" in ${took}. Image size: ${pulled.sizeBytes} bytes.`,
      );
      this.#failed.delete(key);
      return { ok: true, image: pulled };
    } catch (error) {
      signal.throwIfAborted();
      return this.#refused(pod, image, error);
    }
  }

  #refused(pod: Pod, image: string, error: unknown): ImageOutcome {
    const { clock, events } = this.#deps;
    const key = `${pod.metadata?.uid}/${image}`;
    const message = errorMessage(error);
    const atMs = clock.now();
    this.#backoff.next(key, this.#failed.get(key)?.atMs ?? atMs);
    events.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    const reason = isReason(error, 'ServiceUnavailable') && message.includes('registry') ? 'RegistryUnavailable' : 'ErrImagePull';
    this.#failed.set(key, { atMs, reason, message });
    events.event(pod, 'Warning', 'Failed', `Error: ${reason}`);
    return { ok: false, waiting: { reason, message }, retryAfterMs: SHOWN_MS };
  }

  async #credentials(pod: Pod, image: string): Promise<PullCredentials | undefined> {
    for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
      const secret = await this.#deps.config.secret(pod.metadata?.namespace ?? '', name);
      const encoded = secret?.data?.['.dockerconfigjson'];
      const found =
        encoded === undefined ? undefined : credentialsIn(Buffer.from(encoded, 'base64').toString(), registryOf(image));
      if (found) return found;
    }
    return undefined;
  }
}

/** `Always` for `latest` and for what has no tag, else `IfNotPresent`. The API server says it once; this is for pods that come without. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : 'docker.io';
}

function credentialsIn(text: string, registry: string): PullCredentials | undefined {
  let auths: Record<string, { username?: string; password?: string; auth?: string }> = {};
  try {
    auths = (JSON.parse(text) as { auths?: typeof auths }).auths ?? {};
  } catch {
    return undefined; // A broken secret is no reason not to try without.
  }
  for (const [server, { username, password, auth }] of Object.entries(auths)) {
    const host = server.replace(/^https?:\/\//, '').split('/')[0];
    if (host !== registry && !(registry === 'docker.io' && host === 'index.docker.io')) continue;
    if (username !== undefined) return { username, password: password ?? '', serverAddress: server };
    const [user = '', ...rest] = Buffer.from(auth ?? '', 'base64')
      .toString()
      .split(':');
    return { username: user, password: rest.join(':'), serverAddress: server };
  }
  return undefined;
}
