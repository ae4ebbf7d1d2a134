/** What a path names. */
export interface RequestInfo {
  /** False for paths such as `/healthz` or `/apis/apps`. */
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What comes behind `/proxy/`, with its slash. */
  readonly rest: string;
  /** A path of the old form `/api/v1/watch/pods`. */
  readonly legacyWatch: boolean;
}

const NO_RESOURCE: RequestInfo = {
  isResource: false,
  group: '',
  version: '',
  namespace: undefined,
  resource: '',
  name: undefined,
  subresource: undefined,
  rest: '',
  legacyWatch: false,
};

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

let lastPath = '';
let lastInfo: RequestInfo = NO_RESOURCE;

/** Hot path: takes a path apart. Malformed percent-encoding stays as it is. */
export function parsePath(path: string): RequestInfo {
  // Who receives a request and who dispatches it ask one after the other.
  if (path === lastPath) return lastInfo;
  lastInfo = parse(path);
  lastPath = path;
  return lastInfo;
}

function parse(path: string): RequestInfo {
  const parts = splitPath(path);
  if (parts[0] === 'api') return resourceInfo({ group: '', version: parts[1] ?? '', parts, at: 2 });
  if (parts[0] === 'apis') return resourceInfo({ group: parts[1] ?? '', version: parts[2] ?? '', parts, at: 3 });
  return NO_RESOURCE;
}

function splitPath(path: string): string[] {
  const parts = path.split('/');
  parts.shift();
  if (parts.at(-1) === '') parts.pop();
  if (!path.includes('%')) return parts;
  return parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

interface Parts {
  readonly group: string;
  readonly version: string;
  readonly parts: readonly string[];
  readonly at: number;
}

function resourceInfo({ group, version, parts, at: start }: Parts): RequestInfo {
  let at = start;
  if (parts.length <= at) return NO_RESOURCE;
  const legacyWatch = parts[at] === 'watch' && parts.length > at + 1;
  if (legacyWatch) at += 1;
  let namespace: string | undefined;
  if (parts[at] === 'namespaces' && parts.length > at + 2 && !isNamespaceSubresource(parts, at)) {
    namespace = parts[at + 1];
    at += 2;
  }
  return {
    isResource: true,
    group,
    version,
    namespace,
    resource: parts[at] ?? '',
    name: parts[at + 1],
    subresource: parts[at + 2],
    rest: parts.length <= at + 3 ? '' : `/${parts.slice(at + 3).join('/')}`,
    legacyWatch,
  };
}

/** `/namespaces/x/status` is a subresource of a namespace, not the resource `status` in it. */
function isNamespaceSubresource(parts: readonly string[], at: number): boolean {
  return parts.length === at + 3 && NAMESPACE_SUBRESOURCES.has(parts[at + 2] ?? '');
}
