import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { isSameTemplate, templateHash, withHash } from './template.ts';

const template: PodTemplateSpec = {
  metadata: { labels: { app: 'web', tier: 'front' } },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Always' },
};

const sameWords = {
  metadata: { creationTimestamp: null, annotations: {}, labels: { tier: 'front', app: 'web' } },
  spec: { restartPolicy: 'Always', containers: [{ image: 'nginx:1', name: 'c', env: [], command: undefined }], nodeSelector: {} },
} as unknown as PodTemplateSpec;

const other: PodTemplateSpec = { ...template, spec: { containers: [{ name: 'c', image: 'nginx:2' }], restartPolicy: 'Always' } };

describe('isSameTemplate', () => {
  it('looks past the order of keys, fields that say nothing, and the label of the hash', () => {
    expect(isSameTemplate(template, withHash(sameWords, 'abc'))).toBe(true);
  });

  it.each([
    { title: 'another image', changed: other },
    { title: 'another label', changed: { ...template, metadata: { labels: { app: 'web' } } } },
    {
      title: 'an empty field that says something',
      changed: { ...template, spec: { ...other.spec, containers: [{ name: 'c', image: 'nginx:1', securityContext: {} }] } },
    },
  ])('sees $title', ({ changed }) => {
    expect(isSameTemplate(template, changed)).toBe(false);
  });
});

describe('templateHash', () => {
  it('is what it was in earlier versions', () => {
    expect(templateHash(template, undefined)).toBe('7848889c9d');
  });

  it('is the same for the same template in other words, with a hash already too', () => {
    expect(templateHash(withHash(sameWords, 'abc'), undefined)).toBe(templateHash(template, undefined));
  });

  it('differs between templates, and between collisions', () => {
    const hashes = [
      templateHash(template, undefined),
      templateHash(template, 1),
      templateHash(template, 2),
      templateHash(other, 1),
    ];

    expect(new Set(hashes).size).toBe(4);
  });
});
