import type { UserInfo } from '../registry/strategy.ts';

/**
 * The headers by which an extension API server is told who asks. It believes them because of the certificate that they come with. Values are
 * UTF-8 in the only form in which Node takes it.
 */
export function remoteUserHeaders({ name, uid, groups, extra = {} }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': bytesOf(name), 'x-remote-group': groups.map(bytesOf) };
  if (uid !== undefined && uid !== '') headers['x-remote-uid'] = bytesOf(uid);
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = values.map(bytesOf);
  }
  return headers;
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
