import type { Ingress, IngressClass } from '@keelson/api/networking/v1';
import { describe, expect, it } from 'vitest';
import { isOwned } from './ingress-class.ts';

const OURS = { controllerName: 'keelson.dev/ingress', legacyClass: 'keelson' };

function classOf(name: string, controller: string, isDefault = false): IngressClass {
  const annotations = isDefault ? { 'ingressclass.kubernetes.io/is-default-class': 'true' } : {};
  return { metadata: { name, annotations }, spec: { controller } };
}

const by = (ingressClassName?: string, annotation?: string): Ingress => ({
  metadata: { name: 'i', ...(annotation !== undefined && { annotations: { 'kubernetes.io/ingress.class': annotation } }) },
  spec: { ...(ingressClassName !== undefined && { ingressClassName }) },
});

describe('isOwned', () => {
  const classes = [classOf('mine', 'keelson.dev/ingress'), classOf('theirs', 'k8s.io/ingress-nginx')];

  it.each([
    { title: 'a class of ours', ingress: by('mine'), want: true },
    { title: 'a class of another controller', ingress: by('theirs'), want: false },
    { title: 'a class that does not exist', ingress: by('keelson'), want: false },
    { title: 'no class', ingress: by(), want: false },
    { title: 'the annotation with our name', ingress: by(undefined, 'keelson'), want: true },
    { title: 'the annotation with a class of ours', ingress: by(undefined, 'mine'), want: true },
    { title: 'the annotation of another controller', ingress: by(undefined, 'nginx'), want: false },
    { title: 'the annotation before the field', ingress: by('mine', 'theirs'), want: false },
  ])('$title: $want', ({ ingress, want }) => {
    expect(isOwned(ingress, classes, OURS)).toBe(want);
  });

  it('takes those without a class if ours is the default', () => {
    expect(isOwned(by(), [classOf('mine', 'keelson.dev/ingress', true)], OURS)).toBe(true);
    expect(isOwned(by(), [...classes, classOf('other', 'k8s.io/ingress-nginx', true)], OURS)).toBe(false);
  });
});
