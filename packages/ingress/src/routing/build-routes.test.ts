import type { Ingress, IngressSpec } from '@keelson/api/networking/v1';
import { describe, expect, it } from 'vitest';
import { buildRoutes } from './build-routes.ts';

const backend = (name: string, number = 80) => ({ service: { name, port: { number } } });

function ingress(
  name: string,
  spec: IngressSpec,
  metadata: { created?: string; annotations?: Record<string, string> } = {},
): Ingress {
  const { created = '2026-01-01T00:00:00Z', annotations = {} } = metadata;
  return { metadata: { name, namespace: 'shop', creationTimestamp: created, annotations }, spec };
}

const rule = (host: string, path: string, service: string) => ({
  host,
  http: { paths: [{ path, pathType: 'Prefix', backend: backend(service) }] },
});

describe('buildRoutes', () => {
  it('gives a path that two ask for to the older one, whatever the order', () => {
    const older = ingress('z', { rules: [rule('a.b', '/', 'old')] }, { created: '2025-01-01T00:00:00Z' });
    const newer = ingress('a', { rules: [rule('A.b', '/', 'new'), rule('a.b', '/x', 'x')] });

    for (const all of [
      [older, newer],
      [newer, older],
    ]) {
      const { table, backends } = buildRoutes(all);
      expect(table.match('a.b', '/')).toMatchObject({ backend: 'shop/old:80', ingress: 'z' });
      expect(table.match('a.b', '/x')?.backend).toBe('shop/x:80');
      expect([...backends.keys()].toSorted()).toEqual(['shop/new:80', 'shop/old:80', 'shop/x:80']);
    }
  });

  it('takes an Ingress that is only a default before the default of one with rules', () => {
    const withRules = ingress('rules', { defaultBackend: backend('mine'), rules: [rule('a.b', '/x', 'x')] });
    const only = ingress('only', { defaultBackend: { service: { name: 'all', port: { name: 'http' } } } });

    const { table } = buildRoutes([withRules, only]);

    expect(table.match('else', '/')?.backend).toBe('shop/all:http');
    expect(table.match('a.b', '/')?.backend).toBe('shop/mine:80');
  });

  it('has no backend for resources', () => {
    const paths = [{ path: '/', pathType: 'Prefix', backend: { resource: { kind: 'Bucket', name: 'b' } } }];

    expect(buildRoutes([ingress('r', { rules: [{ http: { paths } }] })]).table.match('x', '/')).toMatchObject({
      backend: undefined,
    });
  });

  it('takes the hosts of the rules for TLS without hosts, and redirects only hosts with TLS that ask for it', () => {
    const annotations = { 'ingress.keelson.dev/ssl-redirect': 'true' };
    const rules = [rule('a.b', '/', 'one'), rule('c.d', '/', 'two')];
    const { table, tls } = buildRoutes([
      ingress('i', { rules, tls: [{ hosts: ['a.b'], secretName: 's' }, { secretName: 't' }] }, { annotations }),
      ingress('j', { rules: [rule('e.f', '/', 'three')], tls: [{ hosts: ['e.f'], secretName: 's' }] }),
    ]);

    expect(tls.map(({ hosts, secretName }) => [secretName, hosts])).toEqual([
      ['s', ['a.b']],
      ['t', ['a.b', 'c.d']],
      ['s', ['e.f']],
    ]);
    expect(['a.b', 'c.d', 'e.f'].map((host) => table.match(host, '/')?.redirectsToHttps)).toEqual([true, true, false]);
  });
});
