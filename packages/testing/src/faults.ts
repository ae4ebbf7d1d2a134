import { KeelsonError, type Clock, type StatusReason } from '@keelson/base';
import type { Intercepted, RequestInterceptor, WatchResult, WatchSink } from '@keelson/api-server';

/** Which requests a fault is for. What is absent fits all. */
export interface Match {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb?: string | readonly string[];
  /** Plural, as in URLs. */
  readonly resource?: string;
  /** `status`, for example; `''` for the object itself. */
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** The name of the user. */
  readonly user?: string;
}

export interface Failure {
  readonly reason: StatusReason;
  readonly message?: string;
  /** For `TooManyRequests` and `ServiceUnavailable`. */
  readonly retryAfterSeconds?: number;
  /** How many requests fail; all, until the fault is disposed, if absent. */
  readonly times?: number;
  /** True: the request takes effect, and only its answer is lost. */
  readonly afterwards?: boolean;
}

/** A fault that goes on until it is disposed or used up. */
export interface Fault extends Disposable {
  /** How many requests it has hit. */
  readonly hits: number;
}

interface Rule {
  readonly match: Match;
  readonly run: (next: () => ReturnType<Parameters<RequestInterceptor>[1]>) => ReturnType<RequestInterceptor>;
  left: number;
  hits: number;
}

interface OpenWatch {
  readonly intercepted: Intercepted;
  readonly sink: WatchSink;
  readonly stop: () => void;
}

/** What a test lets go wrong between clients and the API server, whichever way they come. */
export class Faults {
  readonly #clock: Clock;
  readonly #rules = new Set<Rule>();
  readonly #watches = new Set<OpenWatch>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be given to the API server. */
  readonly interceptor: RequestInterceptor = async (intercepted, next) => {
    const result = await this.#serve(intercepted, next);
    return result.type === 'watch' ? this.#tracked(intercepted, result) : result;
  };

  /** Requests fail: `Conflict`, `TooManyRequests`, `InternalError`, `Expired`... */
  fail(match: Match, { reason, message, retryAfterSeconds, times = Infinity, afterwards = false }: Failure): Fault {
    return this.#add(match, times, async (next) => {
      if (afterwards) await next();
      const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
      throw new KeelsonError(reason, message ?? `a test lets this request fail: ${reason}`, details);
    });
  }

  /** Requests take longer, by the cluster's clock. */
  delay(match: Match, delayMs: number, times = Infinity): Fault {
    return this.#add(match, times, async (next) => {
      await this.#clock.sleep(delayMs);
      return next();
    });
  }

  /** Nobody answers, and watches break off, until it is disposed. */
  outage(): Fault {
    const fault = this.fail({}, { reason: 'ServiceUnavailable', message: 'the API server is down' });
    this.dropWatches();
    return fault;
  }

  /** Open watches end without a word, as when a connection breaks. Gives how many. */
  dropWatches(match: Match = {}): number {
    return this.#end(match, undefined);
  }

  /** Open watches are told that what they want is too old (410), and so is who asks next for a watch from where it was. Gives how many were open. */
  expireWatches(match: Match = {}): number {
    const error = new KeelsonError('Expired', 'too old resource version: a test lets this watch expire');
    return this.#end(match, error);
  }

  /** Ends all faults. */
  clear(): void {
    this.#rules.clear();
  }

  #add(match: Match, times: number, run: Rule['run']): Fault {
    const rule: Rule = { match, run, left: times, hits: 0 };
    this.#rules.add(rule);
    return {
      get hits() {
        return rule.hits;
      },
      [Symbol.dispose]: () => void this.#rules.delete(rule),
    };
  }

  #serve(intercepted: Intercepted, next: Parameters<RequestInterceptor>[1]): ReturnType<RequestInterceptor> {
    for (const rule of this.#rules) {
      if (!fits(rule.match, intercepted)) continue;
      rule.hits += 1;
      rule.left -= 1;
      if (rule.left <= 0) this.#rules.delete(rule);
      return rule.run(next);
    }
    return next();
  }

  #end(match: Match, error: KeelsonError | undefined): number {
    const hit = [...this.#watches].filter(({ intercepted }) => fits(match, intercepted));
    for (const { sink, stop } of hit) {
      stop();
      sink.end(error);
    }
    return hit.length;
  }

  #tracked(intercepted: Intercepted, result: WatchResult): WatchResult {
    return {
      ...result,
      open: (sink) => {
        // The sink may be called, and end, before `open` has returned.
        const inner = new DisposableStack();
        const stop = (): void => {
          this.#watches.delete(watch);
          inner.dispose();
        };
        const ending: WatchSink = {
          notes: (notes) => sink.notes(notes),
          bookmark: (version, isInitialEnd) => sink.bookmark(version, isInitialEnd),
          end: (error) => {
            stop();
            sink.end(error);
          },
        };
        const watch: OpenWatch = { intercepted, sink, stop };
        this.#watches.add(watch);
        const opened = result.open(ending);
        if (inner.disposed) opened[Symbol.dispose]();
        else inner.use(opened);
        return { [Symbol.dispose]: stop };
      },
    };
  }
}

function fits(match: Match, { request, info, verb }: Intercepted): boolean {
  const verbs = typeof match.verb === 'string' ? [match.verb] : match.verb;
  if (verbs && !verbs.includes(verb)) return false;
  if (match.subresource !== undefined && match.subresource !== (info.subresource ?? '')) return false;
  if (match.user !== undefined && match.user !== request.user.name) return false;
  const named = ['resource', 'namespace', 'name'] as const;
  return named.every((field) => match[field] === undefined || match[field] === info[field]);
}
