import type { KubernetesObject } from '@keelson/api';
import { expect, it } from 'vitest';
import { allOf, annotationsChanged, anyOf, deletionChanged, generationChanged, labelsChanged, not } from './predicates.ts';

const old: KubernetesObject = { metadata: { name: 'a', generation: 1, labels: { a: '1' } } };
const updated = (metadata: KubernetesObject['metadata']) =>
  ({ type: 'updated', old, object: { metadata: { ...old.metadata, ...metadata } } }) as const;

const changes = {
  spec: updated({ generation: 2 }),
  labels: updated({ labels: { a: '2' } }),
  annotations: updated({ annotations: { b: '1' } }),
  deletion: updated({ deletionTimestamp: '2026-01-01T00:00:00Z' }),
  finalizers: updated({ finalizers: ['x/y'] }),
  nothing: updated({}),
  addition: { type: 'added', object: old, initial: false } as const,
  removal: { type: 'deleted', object: old } as const,
};

it.each([
  { title: 'generationChanged', predicate: generationChanged, counts: ['spec', 'addition', 'removal'] },
  { title: 'labelsChanged', predicate: labelsChanged, counts: ['labels', 'addition', 'removal'] },
  { title: 'annotationsChanged', predicate: annotationsChanged, counts: ['annotations', 'addition', 'removal'] },
  { title: 'deletionChanged', predicate: deletionChanged, counts: ['deletion', 'finalizers', 'addition', 'removal'] },
  { title: 'anyOf', predicate: anyOf(labelsChanged, generationChanged), counts: ['spec', 'labels', 'addition', 'removal'] },
  { title: 'allOf', predicate: allOf(labelsChanged, generationChanged), counts: ['addition', 'removal'] },
  {
    title: 'not',
    predicate: not(anyOf(labelsChanged, generationChanged)),
    counts: ['annotations', 'deletion', 'finalizers', 'nothing'],
  },
])('$title counts $counts', ({ predicate, counts }) => {
  const counted = Object.entries(changes).filter(([, delta]) => predicate(delta));

  expect(counted.map(([name]) => name)).toEqual(counts);
});
