/** What Kubernetes says for the ways in which a connection can fail. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** Why a backend could not be asked, in the words that Kubernetes' users know. */
export function dialErrorText(error: unknown, address: string): string {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  const known = code === undefined ? undefined : CAUSES[code];
  if (known !== undefined) return `dial tcp ${address}: ${known}`;
  if (code === 'ECONNRESET') return message === 'socket hang up' ? 'EOF' : `read tcp ${address}: connection reset by peer`;
  return message ?? String(error);
}
