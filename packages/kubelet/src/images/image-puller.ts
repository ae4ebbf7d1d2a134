import { errorMessage, KeelsonError, type Clock } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { ContainerRuntime, Images, ImageStatus, PullCredentials } from '@keelson/runtime';
import { durationText } from '../duration-text.ts';
import type { ConfigReader } from '../env/container-env.ts';
import type { WaitingReason } from '../pod/container-statuses.ts';
import { RestartBackoff } from '../pod/restart-backoff.ts';
import { podSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import { credentialsOf } from './pull-credentials.ts';
import type { ImageRights } from './image-rights.ts';
import type { PulledImages } from './pulled-images.ts';
import { untilAborted } from '../until-aborted.ts';
import { runtimeHandlerOf } from '../worker/runtime-handler.ts';

export type ImageOutcome =
  | { readonly ok: true; readonly image: ImageStatus }
  | { readonly ok: false; readonly waiting: WaitingReason; readonly retryAtMs: number | undefined };

/** An image that a pod needs, for a container to run or to mount. */
export interface WantedImage {
  readonly image: string;
  /** Default: by the tag. */
  readonly policy?: string | undefined;
  /** What events are about. */
  readonly subject: Parameters<EventSink['event']>[0];
}

export interface ImagePullerDependencies {
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly config: ConfigReader;
  readonly events: EventSink;
  /** Where it is noted down what was pulled. */
  readonly pulled: Pick<PulledImages, 'note'>;
  /** And whose credentials it took. */
  readonly rights: Pick<ImageRights, 'begin' | 'end' | 'mayUse'>;
}

/** For so long the reason of a failure is shown, before it gives way to the back-off. */
const SHOWN_MS = 1000;
const REFERENCE =
  /^(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?$/;

/** Sees to it that an image is on the node, as the container's policy says. Pulls that fail are tried again with growing delays. */
export class ImagePuller {
  readonly #deps: ImagePullerDependencies;
  readonly #backoff: RestartBackoff;
  readonly #stopping = new AbortController();
  /** Of each runtime's images. */
  readonly #pulls = new Map<Images, Map<string, Promise<Pulled>>>();
  /** Those that wait for their turn. */
  readonly #queue: (() => void)[] = [];
  readonly #most: number;
  #pulling = 0;
  readonly #failed = new Map<string, { readonly atMs: number; readonly reason: string; readonly message: string }>();

  /** `most`: at the same time. */
  constructor(deps: ImagePullerDependencies, most = 5) {
    this.#deps = deps;
    this.#most = most;
    this.#backoff = new RestartBackoff(deps.clock);
  }

  /** `retryAtMs` of a failure: when it may go better; never, if it hangs on the pod's own words. */
  async ensure(pod: Pod, { image, policy: given, subject }: WantedImage, signal: AbortSignal): Promise<ImageOutcome> {
    const tell: Tell = (type, reason, message) => this.#deps.events.event(subject, type, reason, message);
    if (!REFERENCE.test(image)) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      tell('Warning', 'InspectFailed', message);
      return refused(tell, { reason: 'InvalidImageName', message }, undefined);
    }
    const policy = given ?? defaultPullPolicy(image);
    const images = await this.#imagesOf(pod, signal);
    const found = policy === 'Always' ? undefined : await images.find(image, signal);
    if (found && (await this.#mayUse(pod, image, images, found))) {
      tell('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
      return { ok: true, image: found };
    }
    if (policy === 'Never') {
      const lacks = found ? 'can only be used with credentials that the pod does not have, ' : 'is not present ';
      const message = `Container image "${image}" ${lacks}with pull policy of Never`;
      tell('Warning', 'ErrImageNeverPull', message);
      return refused(tell, { reason: 'ErrImageNeverPull', message }, undefined);
    }
    return this.#heldBack(pod, image, tell) ?? this.#pull(pod, image, { images, tell, signal });
  }

  /** Gives up what is being pulled. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await Promise.allSettled([...this.#pulls.values()].flatMap((pulls) => [...pulls.values()]));
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}/`);
    for (const key of this.#failed.keys()) if (key.startsWith(`${podUid}/`)) this.#failed.delete(key);
  }

  /** A pod's images are those of the runtime that runs it. */
  async #imagesOf(pod: Pod, signal: AbortSignal): Promise<Images> {
    const { client, runtime } = this.#deps;
    if (!runtime.imagesFor || !pod.spec?.runtimeClassName) return runtime.images;
    return runtime.imagesFor(await runtimeHandlerOf(client, pod, signal));
  }

  #storeOf(images: Images): string {
    const stores = this.#deps.runtime.imageStores?.() ?? new Map<string, Images>();
    return [...stores].find(([, store]) => store === images)?.[0] ?? '';
  }

  #mayUse(pod: Pod, reference: string, images: Images, image: ImageStatus): Promise<boolean> {
    return this.#deps.rights.mayUse(this.#storeOf(images), reference, image, () => this.#credentials(pod, reference));
  }

  #heldBack(pod: Pod, image: string, tell: Tell): ImageOutcome | undefined {
    const { clock } = this.#deps;
    const key = `${pod.metadata?.uid}/${image}`;
    const failure = this.#failed.get(key);
    if (!failure) return undefined;
    if (clock.now() - failure.atMs < SHOWN_MS) {
      const waiting = { reason: failure.reason, message: failure.message };
      return { ok: false, waiting, retryAtMs: failure.atMs + SHOWN_MS };
    }
    const remainingMs = this.#backoff.remainingMs(key, failure.atMs);
    if (remainingMs === 0) return undefined;
    const message = `Back-off pulling image "${image}"`;
    tell('Normal', 'BackOff', message);
    const waiting = { reason: 'ImagePullBackOff', message: `${message}: ${failure.reason}: ${failure.message}` };
    return refused(tell, waiting, clock.now() + remainingMs);
  }

  async #pull(pod: Pod, image: string, { images, tell, signal }: PullContext): Promise<ImageOutcome> {
    const { clock } = this.#deps;
    tell('Normal', 'Pulling', `Pulling image "${image}"`);
    const startedAtMs = clock.monotonic();
    try {
      const { image: pulled, tookMs } = await this.#pullOnce(
        { images, image, credentials: await this.#credentials(pod, image) },
        signal,
      );
      const took = durationText(tookMs);
      const all = durationText(clock.monotonic() - startedAtMs);
      const size = `Image size: ${pulled.sizeBytes} bytes.`;
      tell('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took} (${all} including waiting). ${size}`);
      this.#failed.delete(`${pod.metadata?.uid}/${image}`);
      return { ok: true, image: pulled };
    } catch (error) {
      signal.throwIfAborted();
      return this.#failedPull(pod, image, { tell, error });
    }
  }

  /** Pods that want the same image at the same time share one pull, which goes on when the first of them is gone. */
  async #pullOnce({ images, image, credentials }: PullRequest, signal: AbortSignal): Promise<Pulled> {
    const pulls = this.#pulls.get(images) ?? new Map<string, Promise<Pulled>>();
    this.#pulls.set(images, pulls);
    const key = JSON.stringify([image, credentials]);
    const known = pulls.get(key);
    const pull = known ?? this.#inTurn({ images, image, credentials }).finally(() => pulls.delete(key));
    if (!known) pulls.set(key, pull);
    return untilAborted(pull, signal);
  }

  async #inTurn({ images, image, credentials }: PullRequest): Promise<Pulled> {
    if (this.#pulling >= this.#most) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#pulling += 1;
    const { clock } = this.#deps;
    try {
      const { signal } = this.#stopping;
      signal.throwIfAborted();
      const before = await images.find(image, signal);
      const startedAtMs = clock.monotonic();
      const pulled = {
        image: await this.#pullNoted({ images, image, credentials }, before, signal),
        tookMs: clock.monotonic() - startedAtMs,
      };
      await this.#deps.pulled.note(this.#storeOf(images), before, pulled.image);
      return pulled;
    } finally {
      // Whoever is next takes over the place.
      const next = this.#queue.shift();
      if (next) next();
      else this.#pulling -= 1;
    }
  }

  /** With each of the credentials in turn, until one will do; notes which one that was. */
  async #pullNoted(
    { images, image, credentials }: PullRequest,
    before: ImageStatus | undefined,
    signal: AbortSignal,
  ): Promise<ImageStatus> {
    const { rights } = this.#deps;
    const store = this.#storeOf(images);
    const failures: unknown[] = [];
    if (!before) await rights.begin(store, image);
    for (const own of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const after = await images.pull(image, own, signal);
        await rights.end(store, image, { before, after, credentials: own });
        return after;
      } catch (error) {
        failures.push(error);
        if (signal.aborted) break;
      }
    }
    await rights.end(store, image);
    if (failures.length === 1) throw failures[0];
    throw new KeelsonError('InternalError', `[${failures.map(errorMessage).join(', ')}]`);
  }

  #failedPull(pod: Pod, image: string, { tell, error }: { tell: Tell; error: unknown }): ImageOutcome {
    const key = `${pod.metadata?.uid}/${image}`;
    const message = errorMessage(error);
    const atMs = this.#deps.clock.now();
    this.#backoff.next(key, this.#failed.get(key)?.atMs ?? atMs);
    tell('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    const reason = 'ErrImagePull';
    this.#failed.set(key, { atMs, reason, message });
    return refused(tell, { reason, message }, atMs + SHOWN_MS);
  }

  /** Those of all secrets that fit, in their order. */
  async #credentials(pod: Pod, image: string): Promise<readonly PullCredentials[]> {
    const missing: string[] = [];
    const found: PullCredentials[] = [];
    for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
      const secret = await this.#deps.config.secret(pod.metadata?.namespace ?? '', name);
      if (secret) found.push(...credentialsOf(secret, image));
      else missing.push(name);
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      this.#deps.events.event(podSubject(pod), 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return found;
  }
}

interface PullContext {
  readonly images: Images;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

interface PullRequest {
  readonly images: Images;
  readonly image: string;
  readonly credentials: readonly PullCredentials[];
}

interface Pulled {
  readonly image: ImageStatus;
  /** Without the time that it waited for its turn. */
  readonly tookMs: number;
}

type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

function refused(tell: Tell, waiting: WaitingReason, retryAtMs: number | undefined): ImageOutcome {
  tell('Warning', 'Failed', `Error: ${waiting.reason}`);
  return { ok: false, waiting, retryAtMs };
}

/** `Always` for `latest` and for what has no tag, else `IfNotPresent`. The API server says it once; this is for pods that come without. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
