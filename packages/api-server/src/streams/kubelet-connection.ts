import { Agent, request as httpsRequest } from 'node:https';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorOf } from '@keelson/api';
import type { Node } from '@keelson/api/core/v1';
import { errorMessage, KeelsonError } from '@keelson/base';
import { firstOf, relayUpgrade } from './upgrade-relay.ts';

export interface KubeletConnectionOptions {
  /** PEM: how the API server shows kubelets who it is, and what their certificates are checked against. */
  readonly tls: { readonly ca: string; readonly certificate: string; readonly privateKey: string };
  /** How long a kubelet may take to answer a request's head. Default 30 s. */
  readonly timeoutMs?: number;
}

/** What goes to a kubelet: a path of its API, with its query. */
export interface KubeletCall {
  readonly node: Node;
  readonly method: string;
  /** Such as `/containerLogs/default/web-0/nginx?follow=true`. */
  readonly path: string;
  readonly headers?: IncomingHttpHeaders | OutgoingHttpHeaders;
}

/** An answer longer than this is no error text. */
const MAX_ERROR_BYTES = 64 * 1024;
const ADDRESS_TYPES = ['InternalIP', 'Hostname', 'ExternalIP'];
/** What a stream's handshake is made of; everything else the client sent is between it and the API server. */
const HANDSHAKE = [
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'x-stream-protocol-version',
];

/** Where a node's kubelet listens; `ServiceUnavailable` if the node does not say. */
export function kubeletAddress(node: Node): { readonly host: string; readonly port: number } {
  const addresses = node.status?.addresses ?? [];
  const best = ADDRESS_TYPES.map((type) => addresses.find((address) => address.type === type)).find(
    (address) => address !== undefined,
  );
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  if (!best || !port)
    throw new KeelsonError('ServiceUnavailable', `node "${node.metadata?.name ?? ''}" has not said where its kubelet listens`);
  return { host: best.address, port };
}

/** The API server's side of a kubelet's API: mutual TLS, bodies and raw streams passed through. */
export class KubeletConnection {
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor({ tls, timeoutMs = 30_000 }: KubeletConnectionOptions) {
    const { ca, certificate: cert, privateKey: key } = tls;
    this.#agent = new Agent({ ca, cert, key, keepAlive: true, maxFreeSockets: 16 });
    this.#timeoutMs = timeoutMs;
  }

  /** The answer, whose body the caller reads or destroys. An answer of 400 and up is an error with the kubelet's words. */
  async request(call: KubeletCall, signal?: AbortSignal): Promise<IncomingMessage> {
    const outgoing = this.open(call, { ...(signal && { signal }) });
    outgoing.end();
    const answer = await this.#answerOf(outgoing);
    if ((answer.statusCode ?? 500) < 400) return answer;
    throw await refusal(answer);
  }

  /**
   * Hands a client's upgrade to a kubelet and joins the two connections. The kubelet's answer to the handshake, also a refusal, goes to the
   * client as it is. Resolves when the stream is over; rejects if the kubelet cannot be reached, before anything was sent to the client.
   */
  async upgrade(call: KubeletCall, client: Duplex, head: Buffer): Promise<void> {
    const headers = Object.fromEntries(
      HANDSHAKE.map((name) => [name, call.headers?.[name]]).filter(([, value]) => value !== undefined),
    );
    const outgoing = this.open({ ...call, headers }, { agent: false });
    try {
      await relayUpgrade(outgoing, { socket: client, head }, this.#timeoutMs);
    } catch (error) {
      throw unreachable(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Begins a request; the caller sends its body, handles its answer, and its failure. */
  open(
    { node, method, path, headers }: KubeletCall,
    more: { readonly agent?: false; readonly signal?: AbortSignal } = {},
  ): ClientRequest {
    const { host, port } = kubeletAddress(node);
    const { ca, cert, key } = this.#agent.options;
    return httpsRequest({
      host,
      port,
      method,
      path,
      headers: headers as OutgoingHttpHeaders,
      ca,
      cert,
      key,
      agent: this.#agent,
      ...more,
    });
  }

  async #answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
    try {
      const [answer] = (await firstOf(outgoing, 'response', this.#timeoutMs)) as [IncomingMessage];
      return answer;
    } catch (error) {
      throw unreachable(error);
    }
  }
}

function unreachable(cause: unknown): KeelsonError {
  return new KeelsonError('ServiceUnavailable', `error dialing backend: ${errorMessage(cause)}`, { cause });
}

async function refusal(answer: IncomingMessage): Promise<KeelsonError> {
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > MAX_ERROR_BYTES) break;
  }
  answer.destroy();
  const code = answer.statusCode ?? 500;
  try {
    return errorOf(JSON.parse(text) as object, code);
  } catch {
    return errorOf({ message: text.trim() || `the kubelet answered ${code}` }, code);
  }
}
