import { expired } from '@keelson/api';
import { badRequest } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ApiResult, WatchSink } from '../response/api-result.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { Selection } from '../storage/selection.ts';
import type { WatchCache, WatchStart } from '../storage/watch-cache.ts';
import type { Watcher } from '../storage/watcher-index.ts';
import { forbidden, notSupported } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { Call } from './call.ts';
import { parseRevision } from './get.ts';
import { invalidOptions } from './invalid-options.ts';
import { selectionOf } from './selection-of.ts';

/** Bookmarks are sent this long before a watch ends by its timeout. */
const LAST_BOOKMARK_MS = 2_000;

interface WatchQuery {
  readonly start: WatchStart;
  readonly bookmarks: boolean;
  readonly marksInitialEnd: boolean;
  readonly timeoutMs: number;
}

/** GET of a collection with `watch`. */
export async function watch(call: Call): Promise<ApiResult> {
  const { cache } = call.storage;
  const selection = selectionOf(call);
  // Refused, not ended at once: whoever is ended comes back at once, and whoever is refused waits first.
  if (call.services.storages.isEnding) throw new KeelsonError('ServiceUnavailable', 'The API server is shutting down');
  const asked = await watchQuery(call);
  return {
    type: 'watch',
    definition: call.definition,
    open: (sink) => new OpenWatch({ cache, selection, asked, sink, clock: call.services.clock }),
  };
}

async function watchQuery(call: Call): Promise<WatchQuery> {
  const { query } = call.request;
  const { cache } = call.storage;
  const version = query.get('resourceVersion');
  const sendInitial = sendInitialEvents(call);
  if (version === undefined) await cache.fresh();
  else if (version === '0') await cache.ready();
  else await cache.reach(parseRevision(version));
  const fromState = sendInitial ?? (version === undefined || version === '0');
  const revision = version === undefined || version === '0' ? cache.revision : parseRevision(version);
  return {
    start: fromState ? { from: 'state' } : { from: 'revision', revision },
    bookmarks: query.flag('allowWatchBookmarks'),
    marksInitialEnd: fromState,
    timeoutMs: timeoutMs(call),
  };
}

/** Whether the watch begins with what is there, and tells when that is over; undefined if the client leaves it open. */
function sendInitialEvents({ request: { query } }: Call): boolean | undefined {
  const match = query.get(MATCH);
  const isAsked = query.has('sendInitialEvents');
  const errors: FieldError[] = [];
  if (match !== undefined) {
    if (!isAsked) errors.push(forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
    if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']));
    if (query.has('continue')) errors.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
  }
  if (isAsked && match !== 'NotOlderThan') {
    errors.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
  return isAsked ? query.flag('sendInitialEvents') : undefined;
}

const MATCH = 'resourceVersionMatch';

function timeoutMs(call: Call): number {
  const text = call.request.query.get('timeoutSeconds');
  const { minWatchSeconds } = call.services;
  if (text === undefined || text === '0') return minWatchSeconds * 1000 * (1 + Math.random());
  const seconds = Number(text);
  if (!Number.isInteger(seconds)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, seconds) * 1000;
}

interface OpenWatchParts {
  readonly cache: WatchCache;
  readonly selection: Selection;
  readonly asked: WatchQuery;
  readonly sink: WatchSink;
  readonly clock: Call['services']['clock'];
}

/** One watch while it lasts. */
class OpenWatch implements Watcher, Disposable {
  readonly selection: Selection;
  readonly #cache: WatchCache;
  readonly #sink: WatchSink;
  readonly #timers: Disposable[] = [];
  #over = false;

  constructor({ cache, selection, asked, sink, clock }: OpenWatchParts) {
    this.selection = selection;
    this.#cache = cache;
    this.#sink = sink;
    try {
      const revision = cache.watch(this, asked.start);
      if (asked.marksInitialEnd && asked.bookmarks) sink.bookmark(String(revision), true);
    } catch (error) {
      this.end(error instanceof KeelsonError ? error : expired(0, cache.revision));
      return;
    }
    if (this.#over) return;
    if (asked.bookmarks) this.#promiseBookmarks(asked, clock);
    this.#timers.push(clock.after(asked.timeoutMs, () => this.end()));
  }

  notes(notes: readonly WatchNote[]): void {
    if (!this.#over) this.#sink.notes(notes);
  }

  bookmark(revision: number): void {
    if (!this.#over) this.#sink.bookmark(String(revision), false);
  }

  end(error?: Error): void {
    if (this.#over) return;
    this[Symbol.dispose]();
    this.#sink.end(error instanceof KeelsonError ? error : undefined);
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#cache.unwatch(this);
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  #promiseBookmarks({ timeoutMs: endMs }: WatchQuery, clock: OpenWatchParts['clock']): void {
    this.#cache.bookmark(this);
    this.#timers.push(clock.after(Math.max(0, endMs - LAST_BOOKMARK_MS), () => this.bookmark(this.#cache.revision)));
  }
}
