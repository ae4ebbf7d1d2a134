import { isReason, type Clock } from '@keelson/base';
import { parseTime, type Kind, type KubernetesObject } from '@keelson/api';
import { ConfigMap, Secret, ServiceAccount, type Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { ConfigReader } from './env/container-env.ts';
import type { TokenReader } from './volumes/payload.ts';

interface Cached<T> {
  readonly atMs: number;
  readonly value: Promise<T | undefined>;
  /** What was read last. */
  last: T | undefined;
}

/** Kept of each sort, at most, so that a node through which many pods pass does not grow. */
const MAX_KEPT = 1000;

/**
 * Reads ConfigMaps and Secrets one by one, and keeps each for a few seconds: a burst of pods that share one costs one request. What is
 * missing is asked for again each time. While the API cannot be reached, what was read last counts: containers must be restarted then too.
 */
export class ConfigCache implements ConfigReader {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #cached = new Map<string, Cached<KubernetesObject>>();

  constructor(deps: { readonly client: Client; readonly clock: Clock }, ttlMs = 5000) {
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#ttlMs = ttlMs;
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read(ConfigMap, namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read(Secret, namespace, name);
  }

  #read<T extends KubernetesObject>(kind: Kind<T>, namespace: string, name: string): Promise<T | undefined> {
    const key = `${kind.kind}/${namespace}/${name}`;
    const nowMs = this.#clock.now();
    const known = this.#cached.get(key) as Cached<T> | undefined;
    if (known && nowMs - known.atMs < this.#ttlMs) return known.value;
    if (this.#cached.size > MAX_KEPT) this.#sweep(nowMs);
    const value = this.#client
      .resource(kind)
      .find({ namespace, name })
      .catch((error: unknown) => lastKnown(known?.last, error));
    const entry: Cached<KubernetesObject> = { atMs: nowMs, value, last: known?.last };
    this.#cached.set(key, entry);
    const settle = (found?: KubernetesObject) => {
      entry.last = found;
      if (!found && this.#cached.get(key) === entry) this.#cached.delete(key);
    };
    value.then(settle, () => settle());
    return value;
  }

  #sweep(nowMs: number): void {
    for (const [key, { atMs }] of this.#cached) if (nowMs - atMs >= this.#ttlMs) this.#cached.delete(key);
  }
}

/** Rejects with the error if it says more than that nobody answers, or if nothing is known. */
function lastKnown<T>(known: T | undefined, error: unknown): T {
  if (known !== undefined && isAway(error)) return known;
  throw error;
}

function isAway(error: unknown): boolean {
  return isReason(error, 'ServiceUnavailable', 'Timeout', 'ServerTimeout', 'TooManyRequests', 'InternalError');
}

interface Token {
  readonly text: string;
  readonly expiresAtMs: number;
  /** Ask for a new one from then on. */
  readonly renewAtMs: number;
}

const DAY_MS = 86_400_000;

/**
 * Service account tokens bound to a pod. Each is kept until 80 % of its life is over, at most a day; to its very end while the API cannot be
 * reached.
 */
export class TokenCache implements TokenReader {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();

  constructor(deps: { readonly client: Client; readonly clock: Clock }) {
    this.#client = deps.client;
    this.#clock = deps.clock;
  }

  async token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const account = pod.spec?.serviceAccountName ?? 'default';
    const { uid = '' } = pod.metadata ?? {};
    const key = [uid, account, audience ?? '', expirationSeconds].join('/');
    const known = this.#tokens.get(key);
    const nowMs = this.#clock.now();
    if (known && nowMs < known.renewAtMs) return known.text;
    try {
      const token = await this.#request(pod, audience, expirationSeconds);
      this.#tokens.set(key, token);
      return token.text;
    } catch (error) {
      return lastKnown(known && nowMs < known.expiresAtMs ? known.text : undefined, error);
    }
  }

  async #request(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<Token> {
    const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
    const account = pod.spec?.serviceAccountName ?? 'default';
    const nowMs = this.#clock.now();
    const answer = await this.#client.resource(ServiceAccount).subresource(
      { namespace, name: account },
      {
        subresource: 'token',
        method: 'POST',
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            audiences: audience === undefined ? [] : [audience],
            expirationSeconds,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
          },
        },
      },
    );
    const { token = '', expirationTimestamp } =
      (answer as { status?: { token?: string; expirationTimestamp?: string } }).status ?? {};
    const lifeMs = (parseTime(expirationTimestamp) ?? nowMs + expirationSeconds * 1000) - nowMs;
    return { text: token, expiresAtMs: nowMs + lifeMs, renewAtMs: nowMs + Math.min(lifeMs * 0.8, DAY_MS) };
  }

  forget(podUid: string): void {
    for (const key of this.#tokens.keys()) if (key.startsWith(`${podUid}/`)) this.#tokens.delete(key);
  }
}
