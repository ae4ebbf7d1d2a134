import type { KubernetesObject } from '@keelson/api';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ServedResource } from '../discovery/served-resources.ts';
import { DependencyGraph } from './dependency-graph.ts';

const PODS: ServedResource = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true, verbs: [] };
const NODES: ServedResource = { group: '', version: 'v1', kind: 'Node', resource: 'nodes', namespaced: false, verbs: [] };

const owner = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: uid,
  uid,
  ...more,
});

function pod(uid: string, ownerReferences: OwnerReference[] = [], metadata: KubernetesObject['metadata'] = {}): KubernetesObject {
  return { metadata: { name: uid, namespace: 'a', uid, ownerReferences, ...metadata } };
}

describe('DependencyGraph', () => {
  let graph: DependencyGraph;
  let told: string[];

  beforeEach(() => {
    told = [];
    graph = new DependencyGraph({
      examine: (uid) => void told.push(`examine ${uid}`),
      verify: (uid) => void told.push(`verify ${uid}`),
      invalidNamespace: ({ uid }, { namespace }) => void told.push(`${uid} names an owner in ${namespace}`),
    });
  });

  /** What the listener was told since the last call. */
  const news = () => told.splice(0);
  const see = (...pods: readonly KubernetesObject[]): void => {
    for (const each of pods) graph.observe(PODS, each);
  };

  it('wants an owner verified that it has not seen, once', () => {
    see(pod('p', [owner('s')]), pod('q', [owner('s')]));

    expect(news()).toEqual(['verify s']);
  });

  it('is content when the owner is seen later', () => {
    see(pod('p', [owner('s')]), pod('s'));
    news();

    graph.remove(pod('s'));

    expect(news()).toEqual(['examine p']);
    expect(graph.absentOwners.has(owner('s'), 'a')).toBe(true);
  });

  it('has the dependents of an absent owner examined', () => {
    see(pod('p', [owner('s')]));
    news();

    graph.confirmAbsent({ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 's', uid: 's' });

    expect(news()).toEqual(['examine p']);
    expect(graph.get('s')).toBeUndefined();
  });

  it('has a dependent examined that names a seen owner from another namespace', () => {
    see(pod('s', [], { namespace: 'b' }), pod('p', [owner('s')]));

    expect(news()).toEqual(['p names an owner in b', 'examine p']);
  });

  it('finds out about the wrong namespace also if the owner is seen last', () => {
    see(pod('p', [owner('s')]), pod('q', [owner('s')], { namespace: 'b' }));
    news();

    see(pod('s'));

    expect(news()).toEqual(['q names an owner in a', 'examine q']);
  });

  it('does not drop a seen owner because someone names its uid under another name', () => {
    see(pod('s'), pod('p', [owner('s', { name: 'other' })]), pod('q', [owner('s')]));
    news();

    graph.confirmAbsent({ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'other', uid: 's' });

    expect(graph.get('s')?.object).toBeDefined();
    expect(news()).toEqual(['examine p']);
  });

  it('tries each identity under which an unseen owner is named', () => {
    see(pod('p', [owner('s', { name: 'one' })]), pod('q', [owner('s', { name: 'two' })]));
    news();

    graph.confirmAbsent({ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'one', uid: 's' });

    expect(news()).toEqual(['examine p', 'verify s']);
    expect(graph.get('s')?.identity.name).toBe('two');
  });

  it('lets an owner without a namespace have dependents everywhere', () => {
    graph.observe(NODES, { metadata: { name: 'n', uid: 'n' } });
    const node = owner('n', { kind: 'Node' });

    see(pod('p', [node]), pod('q', [node], { namespace: 'b' }));

    expect(news()).toEqual([]);
  });

  it('has all dependents examined when a deletion in the foreground begins', () => {
    see(pod('s'), pod('p', [owner('s')]));
    news();
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] };

    see(pod('s', [], going));
    see(pod('s', [], { ...going, labels: { a: 'b' } }));

    expect(news()).toEqual(['examine p', 'examine s']);
  });

  it('looks at an owner that waits when its last dependent goes, or no longer blocks it', () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] };
    see(pod('s', [], going), pod('p', [owner('s', { blockOwnerDeletion: true })]), pod('q', [owner('s')]));
    news();

    see(pod('p', [owner('s')]));
    expect(news()).toContain('examine s');

    graph.remove(pod('q'));
    expect(news()).toContain('examine s');
  });

  it('forgets what nobody names any more', () => {
    see(pod('p', [owner('s')]));

    graph.remove(pod('p'));

    expect(graph.size).toBe(0);
  });

  it('does not take the objects of a kind that is not watched any more for deleted', () => {
    see(pod('s'), pod('p', [owner('s')]));
    news();

    graph.forget(pod('s'));

    expect(news()).toEqual(['verify s']);
    expect(graph.absentOwners.has(owner('s'), 'a')).toBe(false);
  });
});
