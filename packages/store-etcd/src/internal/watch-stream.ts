import { KeelsonError } from '@keelson/base';
import type { GrpcStream } from '@keelson/grpc';
import type { Revision, StoreEvent } from '@keelson/store';
import type { Commit } from '@keelson/store/driver';
import type { EtcdCluster, Member } from './etcd-cluster.ts';
import { entryOf, EVERYTHING, isOwn } from './key-range.ts';
import { EVENT_DELETE, WATCH, type Event, type WatchResponse } from './rpc.ts';

export interface WatchStream {
  readonly member: Member;
  /** What follows the revision, as it comes, in arrays of whole commits, without a gap. Throws `Expired` if it has been compacted away. */
  readonly commits: AsyncIterable<readonly Commit[]>;
  /** Breaks it off; `commits` then throws. */
  cancel(): void;
}

/**
 * Watches all keys from behind `after`. Not only those that somebody wants: then there is an event for every revision, so it is known at any time
 * up to where everything has been seen, and a gap would show. etcd's own notices of progress are not to be trusted before 3.4.31 and 3.5.13:
 * they can overtake events.
 */
export async function openWatch(cluster: EtcdCluster, after: Revision): Promise<WatchStream> {
  const { stream, member } = await cluster.stream(WATCH);
  // Start 0 would mean "from now on". Nothing ever happened at revision 1.
  const startRevision = Math.max(1, after) + 1;
  stream.send({ create: { ...EVERYTHING, startRevision, previous: true, fragment: true } });
  return { member, commits: commitsOf(stream, startRevision), cancel: () => stream.cancel() };
}

async function* commitsOf(stream: GrpcStream<WatchResponse, never>, start: Revision): AsyncGenerator<readonly Commit[]> {
  let next = start;
  let events: Event[] = [];
  for await (const response of stream.messages) {
    if (response.canceled) throw cancellation(response, next);
    events.push(...response.events);
    // The rest of the last commit may be in the next message.
    if (response.fragment) continue;
    const commits: Commit[] = [];
    for (let at = 0; at < events.length; next += 1) {
      const end = endOfCommit(events, at);
      commits.push(commitOf(events.slice(at, end), next));
      at = end;
    }
    events = [];
    // Also when it is empty: the watch has begun.
    yield commits;
  }
  throw new KeelsonError('ServiceUnavailable', 'The etcd member has ended the watch');
}

function endOfCommit(events: readonly Event[], start: number): number {
  const revision = events[start]?.kv?.modRevision;
  let end = start + 1;
  while (end < events.length && events[end]?.kv?.modRevision === revision) end += 1;
  return end;
}

function commitOf(events: readonly Event[], revision: Revision): Commit {
  const own: StoreEvent[] = [];
  for (const event of events) {
    if (event.kv?.modRevision !== revision) {
      const message = `A watch came to revision ${event.kv?.modRevision} instead of ${revision}: something is missing`;
      throw new KeelsonError('Expired', message);
    }
    if (!isOwn(event.kv.key)) own.push(storeEvent(event, event.kv, revision));
  }
  return { revision, events: Object.freeze(own) };
}

function storeEvent({ type, previous }: Event, kv: NonNullable<Event['kv']>, revision: Revision): StoreEvent {
  const isNew = type !== EVENT_DELETE && kv.createRevision === revision;
  if (!previous) {
    if (isNew) return { type: 'put', entry: entryOf(kv) };
    // A compaction was faster than the watch.
    throw new KeelsonError('Expired', `What was under "${kv.key}" before revision ${revision} has been compacted`);
  }
  if (type === EVENT_DELETE) return { type: 'delete', key: kv.key, revision, previous: entryOf(previous) };
  return { type: 'put', entry: entryOf(kv), previous: entryOf(previous) };
}

function cancellation({ compactRevision, cancelReason }: WatchResponse, next: Revision): KeelsonError {
  if (compactRevision > 0) {
    const message = `Cannot watch from revision ${next - 1}: revisions before ${compactRevision} have been compacted`;
    return new KeelsonError('Expired', message);
  }
  return new KeelsonError('ServiceUnavailable', `The etcd member has ended the watch: ${cancelReason}`);
}
