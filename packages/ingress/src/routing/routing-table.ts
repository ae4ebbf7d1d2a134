/** Where requests of one path go. */
export interface Route {
  readonly namespace: string;
  readonly ingress: string;
  /** As the rule has it; empty for a default backend. */
  readonly path: string;
  /** The key of a backend; undefined for one that cannot be served, such as a resource. */
  readonly backend: string | undefined;
  /** Whether who comes without TLS is sent to the same place with it. */
  readonly redirectsToHttps: boolean;
}

/** The paths of one host, or of all. */
class HostRoutes {
  readonly exact = new Map<string, Route>();
  /** By paths without a slash at the end; the root is empty. */
  readonly prefixes = new Map<string, Route>();
  fallback: Route | undefined;

  /** The exact path before all prefixes, then the longest prefix: as if all that match were sorted by length. */
  find(path: string): Route | undefined {
    const exact = this.exact.get(path);
    if (exact || this.prefixes.size === 0) return exact;
    for (let end = path.length; ; end = path.lastIndexOf('/', end - 1)) {
      const route = this.prefixes.get(path.slice(0, end));
      if (route || end <= 0) return route;
    }
  }
}

/**
 * Finds routes of requests. What is added first stays: add those that take precedence, such as the oldest, first.
 *
 * Hot path: one call for each request, at the cost of the path's depth, however many rules there are.
 */
export class RoutingTable {
  readonly #hosts = new Map<string, HostRoutes>();
  /** `*.example.com` by `.example.com`. */
  readonly #wildcards = new Map<string, HostRoutes>();
  readonly #anyHost = new HostRoutes();
  #fallback: Route | undefined;

  /** `host` as a rule has it: a name, `*.NAME`, or empty for all hosts. */
  addPath(host: string, type: 'Exact' | 'Prefix', route: Route): void {
    const { exact, prefixes } = this.#routesOf(host);
    const [paths, path] = type === 'Exact' ? [exact, route.path] : [prefixes, route.path.replace(/\/+$/, '')];
    if (!paths.has(path)) paths.set(path, route);
  }

  /** For requests to `host` that no path is for. */
  addHostFallback(host: string, route: Route): void {
    this.#routesOf(host).fallback ??= route;
  }

  /** For all requests that nothing else is for. */
  addFallback(route: Route): void {
    this.#fallback ??= route;
  }

  /** `host` in lower case and without a port; `path` without a query. Rules of the host itself go before wildcards, and these before rules without a host. */
  match(host: string, path: string): Route | undefined {
    const dot = host.indexOf('.');
    const own = this.#hosts.get(host);
    // A wildcard is for exactly one label.
    const wildcard = dot > 0 ? this.#wildcards.get(host.slice(dot)) : undefined;
    return (
      own?.find(path) ??
      wildcard?.find(path) ??
      this.#anyHost.find(path) ??
      own?.fallback ??
      wildcard?.fallback ??
      this.#anyHost.fallback ??
      this.#fallback
    );
  }

  #routesOf(host: string): HostRoutes {
    if (host === '') return this.#anyHost;
    const [map, key] = host.startsWith('*.') ? [this.#wildcards, host.slice(1)] : [this.#hosts, host];
    let routes = map.get(key);
    if (!routes) map.set(key, (routes = new HostRoutes()));
    return routes;
  }
}
