import { Pod } from '@keelson/api/core/v1';
import { createClient } from '@keelson/client';
import { expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';

const DEFAULTS = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
];

it('lets a pod be replaced by its manifest, which does not name the tolerations that it got', async () => {
  await using api = await startTestApiServer();
  const pods = createClient(api.transport).resource(Pod);
  const pod = await pods.create({
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  });

  const replaced = await pods.update({
    ...pod,
    metadata: { ...pod.metadata, labels: { a: 'b' } },
    spec: { containers: [], ...pod.spec, tolerations: [] },
  });

  expect(pod.spec?.tolerations).toEqual(DEFAULTS);
  expect(replaced.spec?.tolerations).toEqual(DEFAULTS);
});
