import { createSecureContext, type SecureContext } from 'node:tls';
import type { Secret } from '@keelson/api/core/v1';
import { errorMessage } from '@keelson/base';
import type { TlsEntry } from '../routing/build-routes.ts';

interface Loaded {
  readonly version: string | undefined;
  readonly context: SecureContext | undefined;
  readonly problem: string | undefined;
}

/** The certificates of Secrets, by the names that clients ask for. A Secret is read once for each version of it. */
export class CertificateStore {
  readonly #secrets: (name: string, namespace: string) => Secret | undefined;
  #loaded = new Map<string, Loaded>();
  #byHost = new Map<string, SecureContext>();

  constructor(secrets: (name: string, namespace: string) => Secret | undefined) {
    this.#secrets = secrets;
  }

  /** Of two entries for a name the first counts. */
  sync(entries: readonly TlsEntry[]): void {
    const loaded = new Map<string, Loaded>();
    const byHost = new Map<string, SecureContext>();
    for (const { hosts, namespace, secretName } of entries) {
      const key = `${namespace}/${secretName}`;
      const known = loaded.get(key) ?? this.#load(key, this.#secrets(secretName, namespace));
      loaded.set(key, known);
      for (const host of hosts) if (known.context && !byHost.has(host)) byHost.set(host, known.context);
    }
    [this.#loaded, this.#byHost] = [loaded, byHost];
  }

  /** Why the certificate of an entry cannot be used, in words for users. */
  problemOf({ namespace, secretName }: TlsEntry): string | undefined {
    return this.#loaded.get(`${namespace}/${secretName}`)?.problem;
  }

  /** The certificate for a name: its own, or that of its wildcard. */
  contextFor(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const dot = name.indexOf('.');
    return this.#byHost.get(name) ?? (dot > 0 ? this.#byHost.get(`*${name.slice(dot)}`) : undefined);
  }

  #load(key: string, secret: Secret | undefined): Loaded {
    const version = secret?.metadata?.resourceVersion;
    if (!secret) return { version, context: undefined, problem: `Secret "${key}" of type kubernetes.io/tls does not exist` };
    const before = this.#loaded.get(key);
    if (before && version !== undefined && before.version === version) return before;
    try {
      const [cert, privateKey] = [decoded(secret, 'tls.crt'), decoded(secret, 'tls.key')];
      return { version, context: createSecureContext({ cert, key: privateKey, minVersion: 'TLSv1.2' }), problem: undefined };
    } catch (error) {
      return { version, context: undefined, problem: `Secret "${key}" cannot be used: ${errorMessage(error)}` };
    }
  }
}

function decoded({ data }: Secret, field: string): Buffer {
  const value = data?.[field];
  if (!value) throw new Error(`it has no ${field}`);
  return Buffer.from(value, 'base64');
}
