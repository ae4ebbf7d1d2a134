import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Authorize, KubeletRequest, Verdict } from './contracts.ts';

/** Without an authorizer, administrators by certificate may do everything, and nobody else anything. API servers come with such a certificate. */
const ADMINISTRATORS_ONLY: Authorize = async ({ user }) => {
  if (!user) return 'unauthenticated';
  return user.groups.includes('system:masters') ? 'allowed' : 'forbidden';
};

/** Paths that say nothing worth protecting. */
const OPEN = new Set(['/healthz']);

export async function authorizeRequest(
  request: IncomingMessage,
  path: string,
  authorize: Authorize = ADMINISTRATORS_ONLY,
): Promise<Verdict> {
  if (OPEN.has(path)) return 'allowed';
  return authorize(kubeletRequest(request, path));
}

function kubeletRequest(request: IncomingMessage, path: string): KubeletRequest {
  const user = userOf(request);
  const bearerToken = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const verb = request.method === 'GET' || request.method === 'HEAD' ? 'get' : 'create';
  return { verb, subresource: subresourceOf(path), ...(user && { user }), ...(bearerToken !== undefined && { bearerToken }) };
}

/** TLS has checked the chain already; what is not authorized has no name. */
function userOf({ socket }: IncomingMessage): KubeletRequest['user'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (!subject) return undefined;
  const [name = ''] = [subject.CN].flat();
  return { name, groups: [subject.O ?? []].flat() };
}

const SUBRESOURCES: Readonly<Record<string, string>> = {
  stats: 'stats',
  metrics: 'metrics',
  logs: 'log',
  pods: 'pods',
  runningpods: 'pods',
  configz: 'configz',
  healthz: 'healthz',
};

function subresourceOf(path: string): string {
  return SUBRESOURCES[path.split('/')[1] ?? ''] ?? 'proxy';
}
