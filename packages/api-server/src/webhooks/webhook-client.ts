import type { WebhookClientConfig } from '@keelson/api/admissionregistration/v1';
import type { Clock } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { dialErrorText } from '../proxy/dial-error.ts';
import type { Services } from '../verbs/call.ts';
import { serviceAddress, type ServiceAddress } from './service-address.ts';

const MAX_ANSWER_BYTES = 10 * 1024 * 1024;
/** Clients whose connections are kept: one for each certificate bundle and name. */
const MAX_AGENTS = 100;

/** Why a webhook could not be asked: `Post "https://...": dial tcp ...`. */
export class WebhookFailure extends Error {}

interface Target extends ServiceAddress {
  readonly url: URL;
  /** The URL for people. */
  readonly shown: string;
  readonly agent: Agent;
}

/** Asks webhooks over HTTPS; connections are kept alive between questions. Close it when no more are asked. */
export class WebhookClient implements Disposable {
  readonly #sources: Pick<Services, 'registry' | 'storages'>;
  readonly #clock: Clock;
  readonly #agents = new Map<string, Agent>();

  constructor({ clock, ...sources }: Pick<Services, 'registry' | 'storages'> & { readonly clock: Clock }) {
    this.#sources = sources;
    this.#clock = clock;
  }

  /** Posts JSON and gives the text of the answer. Rejects with `WebhookFailure` if there is none in time, or one that is no success. */
  async post(config: WebhookClientConfig, body: string, timeoutSeconds: number): Promise<string> {
    const url = urlOf(config, timeoutSeconds);
    const shown = config.service ? url.href.replace(url.host, `${url.hostname}:${url.port || '443'}`) : url.href;
    const controller = new AbortController();
    const timer = this.#clock.after(timeoutSeconds * 1_000, () => controller.abort());
    try {
      const target = { ...(await this.#address(config, url)), url, shown, agent: this.#agent(config, url) };
      return await exchange(target, body, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) throw new WebhookFailure(`Post "${shown}": context deadline exceeded`);
      if (error instanceof WebhookFailure) throw error;
      throw new WebhookFailure(`Post "${shown}": ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #address({ service }: WebhookClientConfig, url: URL): Promise<ServiceAddress> {
    const port = Number(url.port || '443');
    if (!service) return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
    return serviceAddress(this.#sources, { namespace: service.namespace, name: service.name, port });
  }

  #agent({ caBundle = '' }: WebhookClientConfig, { hostname }: URL): Agent {
    const key = `${hostname} ${caBundle}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const ca = caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString() };
    const agent = new Agent({ keepAlive: true, servername: /[a-z]/i.test(hostname) ? hostname : '', ...ca });
    const [oldest] = this.#agents.keys();
    if (this.#agents.size >= MAX_AGENTS && oldest !== undefined) {
      this.#agents.get(oldest)?.destroy();
      this.#agents.delete(oldest);
    }
    this.#agents.set(key, agent);
    return agent;
  }
}

function urlOf({ url, service }: WebhookClientConfig, timeoutSeconds: number): URL {
  if (!service && url === undefined) throw new WebhookFailure('webhook has neither a url nor a service');
  const base = service
    ? `https://${service.name}.${service.namespace}.svc:${service.port ?? 443}${pathOf(service.path)}`
    : (url ?? '');
  const made = new URL(base);
  made.searchParams.set('timeout', `${timeoutSeconds}s`);
  return made;
}

function pathOf(path: string | undefined): string {
  return path === undefined || path === '' ? '/' : path;
}

/** A connection that was kept may have been closed by the other end meanwhile: then the question is asked again, once. */
async function exchange(target: Target, body: string, signal: AbortSignal): Promise<string> {
  try {
    return await send(target, body, signal);
  } catch (error) {
    const isStale = error instanceof StaleConnection && !signal.aborted;
    if (isStale) return await send(target, body, signal);
    throw error;
  }
}

class StaleConnection extends WebhookFailure {}

function send({ host, port, url, shown, agent }: Target, body: string, signal: AbortSignal): Promise<string> {
  const headers = {
    host: url.host,
    accept: 'application/json',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'kube-apiserver-admission',
  };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest({ host, port, path: url.pathname + url.search, method: 'POST', headers, agent, signal });
    sent.on('response', (answer) => readAnswer(answer).then(resolve, reject));
    sent.on('error', (error) => {
      const text = `Post "${shown}": ${errorText(error, `${host}:${port}`)}`;
      reject(sent.reusedSocket ? new StaleConnection(text) : new WebhookFailure(text));
    });
    sent.end(body);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new WebhookFailure('the answer is too large');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString();
  const { statusCode = 0 } = answer;
  if (statusCode >= 200 && statusCode < 300) return text;
  if (statusCode === 404) throw new WebhookFailure('the server could not find the requested resource');
  throw new WebhookFailure(
    `an error on the server (${JSON.stringify(text.slice(0, 1_024))}) has prevented the request from succeeding`,
  );
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function errorText(error: Error & { readonly code?: string }, address: string): string {
  const { code = '' } = error;
  const prefix = 'tls: failed to verify certificate: x509:';
  if (UNTRUSTED.has(code)) return `${prefix} certificate signed by unknown authority`;
  if (code === 'CERT_HAS_EXPIRED') return `${prefix} certificate has expired or is not yet valid`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${prefix} ${error.message}`;
  return dialErrorText(error, address);
}
