import type { Kind } from '@keelson/api';
import { errorMessage, isReason } from '@keelson/base';
import type { Transport } from '@keelson/client';

/** A kind as a server offers it. */
export interface ServedResource extends Kind {
  readonly verbs: readonly string[];
}

/** What a server offers, as far as it could be found out. */
export interface Served {
  /** Each resource of a group once, in its preferred version. */
  readonly resources: readonly ServedResource[];
  /** In all versions. */
  readonly versions: readonly ServedResource[];
  /** Why versions of groups (`apps/v1`) are not known: their resources may exist, and nothing can be said about them. */
  readonly failures: ReadonlyMap<string, string>;
}

const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

/** Asks a server what it offers: by aggregated discovery if it has that. Rejects if the server does not answer at all. */
export async function servedResources(transport: Transport, signal?: AbortSignal): Promise<Served> {
  const found: ServedResource[] = [];
  const failures = new Map<string, string>();
  const get = async (path: string): Promise<unknown> =>
    (await transport.request({ method: 'GET', path, accept: AGGREGATED, ...(signal && { signal }) })).body;
  for (const root of ['/api', '/apis']) {
    const document = await get(root);
    if (isAggregated(document)) readAggregated(document, found, failures);
    else for (const groupVersion of groupVersionsOf(document)) await readPlain({ get, root, groupVersion }, found, failures);
  }
  return { resources: preferred(found), versions: found, failures };
}

/** The first version of each resource; the server names the preferred one first. */
function preferred(found: readonly ServedResource[]): readonly ServedResource[] {
  const byResource = new Map<string, ServedResource>();
  for (const resource of found) {
    const key = `${resource.group}/${resource.resource}`;
    if (!byResource.has(key)) byResource.set(key, resource);
  }
  return [...byResource.values()];
}

interface AggregatedList {
  readonly kind: 'APIGroupDiscoveryList';
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly group?: string; readonly version?: string; readonly kind?: string };
        readonly scope: string;
        readonly verbs?: readonly string[];
      }[];
    }[];
  }[];
}

function isAggregated(document: unknown): document is AggregatedList {
  return (document as { kind?: unknown }).kind === 'APIGroupDiscoveryList';
}

function readAggregated({ items = [] }: AggregatedList, found: ServedResource[], failures: Map<string, string>): void {
  for (const { metadata, versions = [] } of items) {
    const group = metadata?.name ?? '';
    for (const { version, freshness, resources = [] } of versions) {
      const groupVersion = group === '' ? version : `${group}/${version}`;
      if (freshness === 'Stale') failures.set(groupVersion, `stale GroupVersion discovery: ${groupVersion}`);
      for (const { resource, responseKind, scope, verbs = [] } of resources) {
        const kind = responseKind?.kind ?? '';
        found.push({ group, version, kind, resource, namespaced: scope === 'Namespaced', verbs });
      }
    }
  }
}

interface PlainGroups {
  /** Of the group without a name. */
  readonly versions?: readonly string[];
  readonly groups?: readonly {
    readonly versions: readonly { readonly groupVersion: string }[];
    readonly preferredVersion?: { readonly groupVersion: string };
  }[];
}

function groupVersionsOf(document: unknown): readonly string[] {
  const { versions = [], groups = [] } = document as PlainGroups;
  const named = groups.flatMap(({ versions: all, preferredVersion }) => [
    ...new Set([...(preferredVersion ? [preferredVersion.groupVersion] : []), ...all.map((each) => each.groupVersion)]),
  ]);
  return [...versions, ...named];
}

interface PlainResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs?: readonly string[];
  }[];
}

async function readPlain(
  where: { readonly get: (path: string) => Promise<unknown>; readonly root: string; readonly groupVersion: string },
  found: ServedResource[],
  failures: Map<string, string>,
): Promise<void> {
  const { get, root, groupVersion } = where;
  const [group, version] = groupVersion.includes('/') ? groupVersion.split('/', 2) : ['', groupVersion];
  try {
    const { resources = [] } = (await get(`${root}/${groupVersion}`)) as PlainResources;
    for (const { name, kind, namespaced, verbs = [] } of resources) {
      if (!name.includes('/'))
        found.push({ group: group ?? '', version: version ?? '', kind, resource: name, namespaced, verbs });
    }
  } catch (error) {
    // A group that is gone since its list was read has no resources.
    if (!isReason(error, 'NotFound')) failures.set(groupVersion, errorMessage(error));
  }
}
