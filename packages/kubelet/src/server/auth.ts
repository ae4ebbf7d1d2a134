import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { KeelsonError } from '@keelson/base';
import type { Authorize, KubeletRequest } from './contracts.ts';

/** Without an authorizer, administrators by certificate may do everything, and nobody else anything. API servers come with such a certificate. */
const ADMINISTRATORS_ONLY: Authorize = async ({ user }) => {
  if (!user) return { type: 'unauthenticated' };
  return user.groups.includes('system:masters') ? { type: 'allowed' } : { type: 'forbidden', user: user.name };
};

/** Resolves if the caller may do this; else rejects with `Unauthorized` or `Forbidden`, in upstream's words. */
export async function authorizeRequest(
  request: IncomingMessage,
  path: string,
  authorize: Authorize = ADMINISTRATORS_ONLY,
): Promise<void> {
  const asked = kubeletRequest(request, path);
  const verdict = await authorize(asked);
  switch (verdict.type) {
    case 'allowed':
      return;
    case 'unauthenticated':
      throw new KeelsonError('Unauthorized', 'Unauthorized');
    case 'forbidden': {
      const what = `verb=${asked.verb}, resource=nodes, subresource(s)=[${asked.subresources.join(' ')}]`;
      throw new KeelsonError('Forbidden', `Forbidden (user=${verdict.user}, ${what})`);
    }
  }
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function kubeletRequest(request: IncomingMessage, path: string): KubeletRequest {
  const user = userOf(request);
  const bearerToken = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const verb = VERBS[request.method ?? ''] ?? '';
  return { verb, subresources: subresourcesOf(path), ...(user && { user }), ...(bearerToken !== undefined && { bearerToken }) };
}

/** TLS has checked the chain already; what is not authorized has no name. */
function userOf({ socket }: IncomingMessage): KubeletRequest['user'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (!subject) return undefined;
  const [name = ''] = [subject.CN].flat();
  return { name, groups: [subject.O ?? []].flat() };
}

/** Subresources by the first part of a path. `containerLogs` is none of them: upstream counts it as `proxy`. */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  stats: ['stats'],
  metrics: ['metrics'],
  logs: ['log'],
  checkpoint: ['checkpoint'],
  pods: ['pods', 'proxy'],
  runningpods: ['pods', 'proxy'],
  healthz: ['healthz', 'proxy'],
  configz: ['configz', 'proxy'],
  statusz: ['statusz', 'proxy'],
};

function subresourcesOf(path: string): readonly string[] {
  const first = path.split('/')[1] ?? '';
  return (Object.hasOwn(SUBRESOURCES, first) && SUBRESOURCES[first]) || ['proxy'];
}
