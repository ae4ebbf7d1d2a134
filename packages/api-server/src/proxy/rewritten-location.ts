/** Where an answer comes from. */
export interface LocationContext {
  /** What stands before the backend's own path in the API server's, such as `/api/v1/namespaces/default/pods/web/proxy`. */
  readonly prefix: string;
  /** The backend's `HOST:PORT`. */
  readonly backend: string;
  /** The `Host` that the client asked for, and so the backend. */
  readonly host: string | undefined;
}

/** A `Location` of a backend as the client must follow it: through the proxy, unless it leads elsewhere or is relative. */
export function rewrittenLocation(location: string, { prefix, backend, host }: LocationContext): string {
  const absolute = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)(.*)$/i.exec(location) ?? /^\/\/([^/?#]*)(.*)$/.exec(location);
  const authority = absolute?.[1];
  const path = absolute ? (absolute[2] ?? '') : location;
  if (authority !== undefined && authority !== backend && authority !== host) return location;
  if (!path.startsWith('/')) return location;
  return path === prefix || path.startsWith(`${prefix}/`) ? path : prefix + path;
}
