import type { Clock } from '@keelson/base';
import { parseTime, type Kind, type KubernetesObject } from '@keelson/api';
import { ConfigMap, Secret, ServiceAccount, type Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { ConfigReader } from './env/container-env.ts';
import type { TokenReader } from './volumes/payload.ts';

interface Cached<T> {
  readonly atMs: number;
  readonly value: Promise<T | undefined>;
}

/**
 * Reads ConfigMaps and Secrets one by one, and keeps each for a few seconds: a burst of pods that share one costs one request. What is
 * missing, or could not be read, is asked for again each time.
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
    if (this.#cached.size > 1000) this.#sweep(nowMs);
    const value = this.#client.resource(kind).find({ namespace, name });
    this.#cached.set(key, { atMs: nowMs, value });
    const forget = () => void (this.#cached.get(key)?.value === value && this.#cached.delete(key));
    value.then((found) => found ?? forget(), forget);
    return value;
  }

  #sweep(nowMs: number): void {
    for (const [key, { atMs }] of this.#cached) if (nowMs - atMs >= this.#ttlMs) this.#cached.delete(key);
  }
}

interface Token {
  readonly text: string;
  /** Ask for a new one from then on. */
  readonly renewAtMs: number;
}

const DAY_MS = 86_400_000;

/** Service account tokens bound to a pod. Each is kept until 80 % of its life is over, at most a day. */
export class TokenCache implements TokenReader {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();

  constructor(deps: { readonly client: Client; readonly clock: Clock }) {
    this.#client = deps.client;
    this.#clock = deps.clock;
  }

  async token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
    const account = pod.spec?.serviceAccountName ?? 'default';
    const key = [uid, account, audience ?? '', expirationSeconds].join('/');
    const known = this.#tokens.get(key);
    const nowMs = this.#clock.now();
    if (known && nowMs < known.renewAtMs) return known.text;
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
    this.#tokens.set(key, { text: token, renewAtMs: nowMs + Math.min(lifeMs * 0.8, DAY_MS) });
    return token;
  }

  forget(podUid: string): void {
    for (const key of this.#tokens.keys()) if (key.startsWith(`${podUid}/`)) this.#tokens.delete(key);
  }
}
