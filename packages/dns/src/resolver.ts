import { addressOfReverseName } from './addresses.ts';
import type { Forwarder } from './forward/forwarder.ts';
import type { Query } from './wire/query.ts';
import { RCODE } from './wire/rcode.ts';
import { failure, type Resolution } from './wire/response.ts';
import type { ClusterZone } from './zone/cluster-zone.ts';

export interface ResolverParts {
  readonly zone: ClusterZone;
  /** Undefined: names outside of the cluster are refused. */
  readonly forwarder: Forwarder | undefined;
  /** Whether the zone holds what the cluster has; until then nothing is said about it. */
  readonly isSynced: () => boolean;
}

/** Names of Services may lead to one another. */
const LONGEST_CHAIN = 8;

/** Hot path: who answers a question. At once, unless another server has to be asked. */
export class Resolver {
  readonly #parts: ResolverParts;

  constructor(parts: ResolverParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  resolve(query: Query): Resolution | Promise<Resolution> {
    const { zone, forwarder, isSynced } = this.#parts;
    if (query.edns && query.edns.version !== 0) return failure(RCODE.BADVERS);
    if (query.class !== 'IN' || query.type === 'AXFR' || query.type === 'IXFR') return failure(RCODE.REFUSED);
    if (forwarder?.isOwn(query)) return failure(RCODE.REFUSED);
    if (zone.holds(query.key)) return isSynced() ? this.#resolveOwn(query) : failure(RCODE.SERVFAIL);
    const address = addressOfReverseName(query.key);
    if (address !== undefined && !isSynced()) return failure(RCODE.SERVFAIL);
    const pointers = address === undefined ? undefined : zone.resolveAddress(query.name, address, query.type);
    return pointers ?? forwarder?.resolve(query) ?? failure(RCODE.REFUSED);
  }

  #resolveOwn(query: Query): Resolution | Promise<Resolution> {
    const resolution = this.#parts.zone.resolve(query.name, query.key, query.type);
    const [answer] = resolution.answers;
    if (answer?.type !== 'CNAME' || query.type === 'CNAME' || query.type === 'ANY') return resolution;
    return this.#follow(query, resolution, answer.data);
  }

  /** An answer holds the alias and what it leads to: stub resolvers don't ask on. */
  #follow(query: Query, resolution: Resolution, firstTarget: string): Resolution | Promise<Resolution> {
    const { zone, forwarder } = this.#parts;
    const answers = [...resolution.answers];
    const aliases = (): Resolution => ({ ...resolution, answers });
    let target = firstTarget;
    while (zone.holds(target.toLowerCase())) {
      if (answers.length >= LONGEST_CHAIN) return failure(RCODE.SERVFAIL);
      const next = zone.resolve(target, target.toLowerCase(), query.type);
      answers.push(...next.answers);
      const [answer] = next.answers;
      if (answer?.type !== 'CNAME') return { ...next, answers };
      target = answer.data;
    }
    const outside = forwarder?.resolve({ ...query, name: target, key: target.toLowerCase() });
    if (!outside) return aliases();
    const join = ({ rcode, answers: more, authorities }: Resolution): Resolution => ({
      ...aliases(),
      rcode,
      answers: [...answers, ...more],
      authorities,
    });
    return outside instanceof Promise ? outside.then(join) : join(outside);
  }
}
