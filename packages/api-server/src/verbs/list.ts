import { badRequest } from '@keelson/api';
import { isReason, KeelsonError } from '@keelson/base';
import type { ApiResult, ListMetadata, ListResult } from '../response/api-result.ts';
import { hasSelector, selects, type Selection } from '../storage/selection.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Call } from './call.ts';
import { forbidden, notSupported } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import { readContinue, writeContinue, type ContinueToken } from './continue-token.ts';
import { parseRevision } from './get.ts';
import { invalidOptions } from './invalid-options.ts';
import { selectionOf } from './selection-of.ts';

const STORE_PAGE = 500;

interface ListQuery {
  readonly limit: number;
  readonly token: ContinueToken | undefined;
  readonly version: string | undefined;
  readonly match: string | undefined;
}

/** GET of a collection. */
export async function list(call: Call): Promise<ApiResult> {
  const asked = listQuery(call);
  const selection = selectionOf(call);
  if (asked.token) return listPage(call, { selection, asked, token: asked.token });
  if (asked.match === 'Exact') return listExact(call, { selection, asked });
  await awaitRevision(call, asked.version);
  return listCache(call, { selection, asked });
}

function listQuery(call: Call): ListQuery {
  const { query } = call.request;
  const limitText = query.get('limit') ?? '0';
  if (!/^-?\d+$/.test(limitText)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limitText)}: invalid syntax`);
  const token = query.get('continue');
  const version = query.get('resourceVersion');
  const match = query.get('resourceVersionMatch');
  checkMatch({ token, version, match, sendInitialEvents: query.has('sendInitialEvents') });
  if (token !== undefined && version !== undefined && version !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  return { limit: Math.max(0, Number(limitText)), token: token === undefined ? undefined : readContinue(token), version, match };
}

function checkMatch({ token, version, match, sendInitialEvents }: Matching): void {
  const errors: FieldError[] = [];
  const refuse = (why: string): void => void errors.push(forbidden(MATCH, `${MATCH} ${why}`));
  if (match !== undefined) {
    if (version === undefined) refuse('is forbidden unless resourceVersion is provided');
    if (token !== undefined) refuse('is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && version === '0') refuse('"exact" is forbidden for resourceVersion "0"');
  }
  if (sendInitialEvents) errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
}

interface Matching {
  readonly token: string | undefined;
  readonly version: string | undefined;
  readonly match: string | undefined;
  readonly sendInitialEvents: boolean;
}

const MATCH = 'resourceVersionMatch';

async function awaitRevision(call: Call, version: string | undefined): Promise<void> {
  const { cache } = call.storage;
  if (version === undefined) await cache.fresh();
  else if (version === '0') await cache.ready();
  else await cache.reach(parseRevision(version));
}

/** Hot path: a list out of the cache; if a limit cuts it, the next pages come from the store at the same revision. */
function listCache(call: Call, { selection, asked }: { selection: Selection; asked: ListQuery }): ListResult {
  const { cache } = call.storage;
  const { revision } = cache;
  const all = candidates(call, selection);
  // A limit with resourceVersion=0 is ignored, as upstream's cache does.
  const limit = asked.version === '0' || asked.limit === 0 ? Infinity : asked.limit;
  if (!hasSelector(selection)) {
    if (all.length <= limit) return result(call, all, { resourceVersion: String(revision) });
    const items = all.slice(0, limit);
    return result(call, items, metadata(revision, items, all.length - limit));
  }
  const found: StoredObject[] = [];
  for (const item of all) {
    if (!selects(selection, item)) continue;
    if (found.length === limit) return result(call, found, metadata(revision, found, undefined));
    found.push(item);
  }
  return result(call, found, { resourceVersion: String(revision) });
}

function candidates({ storage: { cache } }: Call, { namespace, name }: Selection): StoredObject[] {
  if (name === undefined || (namespace === undefined && cache.shape.namespaced)) return cache.list(namespace);
  const item = cache.get(namespace ?? '', name);
  return item ? [item] : [];
}

function metadata(revision: number, items: readonly StoredObject[], remaining: number | undefined): ListMetadata {
  const last = items.at(-1);
  return {
    resourceVersion: String(revision),
    continue: writeContinue({ revision, after: last?.key ?? '' }),
    ...(remaining !== undefined && { remainingItemCount: remaining }),
  };
}

function result({ definition }: Call, items: readonly StoredObject[], metadata_: ListMetadata): ListResult {
  return { type: 'list', definition, items, metadata: metadata_ };
}

/** The state at one revision, from the store. */
async function listExact(call: Call, { selection, asked }: { selection: Selection; asked: ListQuery }): Promise<ListResult> {
  const revision = parseRevision(asked.version ?? '');
  await call.storage.cache.reach(revision);
  try {
    return await readPages(call, { selection, limit: asked.limit, token: { revision, after: '' } });
  } catch (error) {
    if (!isReason(error, 'Expired')) throw error;
    throw new KeelsonError('Expired', 'The resourceVersion for the provided list is too old.', { cause: error });
  }
}

async function listPage(
  call: Call,
  { selection, asked, token }: { selection: Selection; asked: ListQuery; token: ContinueToken },
): Promise<ListResult> {
  try {
    // A token without a revision goes on with what is there now.
    const revision = token.revision === -1 ? await call.services.store.revision() : token.revision;
    return await readPages(call, { selection, limit: asked.limit, token: { revision, after: token.after } });
  } catch (error) {
    if (!isReason(error, 'Expired')) throw error;
    throw expiredToken(token);
  }
}

function expiredToken({ after }: ContinueToken): Error {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
    'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
    'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
    'deleted between the time the first chunk was returned and now may show up in the list.';
  return new ExpiredToken(message, writeContinue({ revision: -1, after }));
}

/** 410 that carries a token with which the list can go on, inconsistently. */
export class ExpiredToken extends KeelsonError {
  readonly continue: string;

  constructor(message: string, token: string) {
    super('Expired', message);
    this.continue = token;
  }
}

async function readPages(
  call: Call,
  { selection, limit, token }: { selection: Selection; limit: number; token: ContinueToken },
): Promise<ListResult> {
  const { storage } = call;
  const prefix =
    selection.namespace === undefined || !storage.shape.namespaced ? storage.prefix : storage.key(selection.namespace, '');
  const found: StoredObject[] = [];
  const wanted = limit === 0 ? Infinity : limit;
  let { after } = token;
  for (;;) {
    const page = await storage.range(prefix, {
      ...(after !== '' && { after }),
      limit: hasSelector(selection) ? STORE_PAGE : Math.min(wanted, Number.MAX_SAFE_INTEGER),
      at: token.revision,
    });
    for (const [index, item] of page.items.entries()) {
      after = item.key;
      if (selects(selection, item)) found.push(item);
      if (found.length < wanted) continue;
      const left = page.items.length - index - 1 + page.remaining;
      if (left === 0) break;
      const remaining = hasSelector(selection) ? undefined : left;
      return result(call, found, metadata(token.revision, [item], remaining));
    }
    if (!page.more) return result(call, found, { resourceVersion: String(token.revision) });
  }
}
