import { isReason } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiProbe } from '../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

const NAMESPACES = '/api/v1/namespaces';

describe('NamespaceLifecycle', () => {
  let api: TestApiServer;
  let probe: ApiProbe;

  beforeEach(async () => {
    api = await startTestApiServer();
    probe = new ApiProbe(api.transport);
  });

  afterEach(() => api.close());

  const remove = (name: string) => api.transport.request({ method: 'DELETE', path: `${NAMESPACES}/${name}` });
  const createIn = (namespace: string) => probe.create(`${NAMESPACES}/${namespace}/configmaps`, { metadata: { name: 'a' } });

  it.each(['default', 'kube-system', 'kube-public'])('keeps %s', async (name) => {
    await expect(remove(name)).rejects.toMatchObject({
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });

  it('lets others go', async () => {
    await remove('kube-node-lease');

    expect((await probe.get(`${NAMESPACES}/kube-node-lease`)).status.phase).toBe('Terminating');
  });

  it('lets nothing be made where there is no namespace, or where it goes', async () => {
    await remove('kube-node-lease');
    const going = await createIn('kube-node-lease').catch((error: unknown) => error);

    await expect(createIn('nowhere')).rejects.toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
    expect(isReason(going, 'Forbidden')).toBe(true);
    expect(going).toMatchObject({ details: { causes: [{ reason: 'NamespaceTerminating' }] } });
  });
});
