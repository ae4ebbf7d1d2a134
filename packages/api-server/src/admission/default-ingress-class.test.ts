import { Ingress, IngressClass } from '@keelson/api/networking/v1';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

const DEFAULT = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
const defaultBackend = { service: { name: 's', port: { number: 80 } } };

describe('DefaultIngressClass', () => {
  let api: TestApiServer;
  let client: Client;

  beforeEach(async () => {
    api = await startTestApiServer({ namespaces: ['default'] });
    client = createClient(api.transport);
    await addClass('other', {});
  });
  afterEach(() => api.close());

  const addClass = (name: string, annotations: Record<string, string>) =>
    client.resource(IngressClass).create({ metadata: { name, annotations }, spec: { controller: 'example.com/c' } });
  const classOf = async (name: string, more: { ingressClassName?: string; annotations?: Record<string, string> } = {}) => {
    const { annotations = {}, ...spec } = more;
    const created = await client
      .resource(Ingress)
      .create({ metadata: { name, namespace: 'default', annotations }, spec: { defaultBackend, ...spec } });
    return created.spec?.ingressClassName;
  };

  it('leaves the class open without a default', async () => {
    expect(await classOf('a')).toBeUndefined();
  });

  it('gives the default class to those that say nothing, and to no others', async () => {
    await addClass('mine', DEFAULT);

    expect(await classOf('a')).toBe('mine');
    expect(await classOf('b', { ingressClassName: 'other' })).toBe('other');
    expect(await classOf('c', { annotations: { 'kubernetes.io/ingress.class': 'nginx' } })).toBeUndefined();
  });

  it('takes one of several, the same each time', async () => {
    await addClass('one', DEFAULT);
    await addClass('two', DEFAULT);

    expect(await classOf('a')).toBe(await classOf('b'));
  });
});
