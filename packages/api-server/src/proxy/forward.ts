import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import { KeelsonError } from '@keelson/base';
import type { HttpExchange } from '../response/api-result.ts';
import { firstOf, relayUpgrade } from '../streams/upgrade-relay.ts';
import { dialErrorText } from './dial-error.ts';
import { answerHeaders, requestHeaders } from './forwarded-headers.ts';
import { htmlSteps } from './html-links.ts';
import { rewrittenLocation, type LocationContext } from './rewritten-location.ts';

/** Something that answers HTTP. */
export interface Backend {
  /** `HOST:PORT`. */
  readonly address: string;
  open(request: { readonly path: string; readonly method: string; readonly headers: OutgoingHttpHeaders }): ClientRequest;
}

export interface Forwarding {
  readonly backend: Backend;
  /** The API server's path up to and with `/proxy`. */
  readonly prefix: string;
  /** What comes behind, with its slash and query. */
  readonly path: string;
  /** How long the backend may take to accept the connection. */
  readonly dialTimeoutMs: number;
}

/** Sends a client's request to a backend and the answer back, as they come. `ServiceUnavailable` if the backend cannot be asked. */
export async function forward(forwarding: Forwarding, exchange: HttpExchange): Promise<void> {
  const { upgrade, request } = exchange;
  const { backend, prefix, path, dialTimeoutMs } = forwarding;
  const headers = requestHeaders({
    headers: request.headers,
    clientAddress: request.socket.remoteAddress,
    path: prefix + path,
    upgrade: upgrade && request.headers.upgrade,
  });
  const outgoing = backend.open({ path, method: request.method ?? 'GET', headers });
  try {
    if (upgrade) await relayUpgrade(outgoing, upgrade, dialTimeoutMs);
    else await exchangeBodies(forwarding, exchange, outgoing);
  } catch (error) {
    outgoing.destroy();
    if (error instanceof Gone) return;
    throw new KeelsonError('ServiceUnavailable', `error trying to reach service: ${dialErrorText(error, backend.address)}`, {
      cause: error,
    });
  }
}

/** The client has gone: nobody is left to be told anything. */
class Gone extends Error {}

async function exchangeBodies(
  { backend, prefix }: Forwarding,
  { request, response }: HttpExchange,
  outgoing: ClientRequest,
): Promise<void> {
  if (!response) throw new TypeError('an exchange has either a response or an upgrade');
  let isGone = false;
  response.once('close', () => {
    isGone = true;
    outgoing.destroy();
  });
  const answered = firstOf(outgoing, 'response', 0) as Promise<[IncomingMessage]>;
  if (hasBody(request)) request.pipe(outgoing);
  else outgoing.end();
  const [answer] = await answered.catch((error: unknown) => {
    throw isGone ? new Gone() : error;
  });
  const location = { prefix, backend: backend.address, host: request.headers.host };
  const steps = prefix === '' ? undefined : await htmlSteps(answer, (url) => rewrittenLocation(url, location));
  if (steps) delete answer.headersDistinct['content-length'];
  begin(answer, response, location);
  // From here on the client has been told a status: if either side breaks off, so does the other.
  await pipeline([answer, ...(steps ?? []), response as NodeJS.WritableStream]).catch(() => response.destroy());
}

function begin(answer: IncomingMessage, response: NonNullable<HttpExchange['response']>, context: LocationContext): void {
  for (const [name, values] of answerHeaders(answer.headersDistinct)) {
    response.setHeader(name, name === 'location' ? rewrittenLocation(String(values), context) : values);
  }
  response.statusCode = answer.statusCode ?? 502;
  // The body may be long in coming.
  if ('flushHeaders' in response) response.flushHeaders();
  else response.writeHead(response.statusCode);
}

function hasBody(request: IncomingMessage | Http2ServerRequest): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders;
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
}
