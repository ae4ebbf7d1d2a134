import { Node, PersistentVolume } from '@keelson/api/core/v1';
import { createClient } from '@keelson/client';
import { expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';

it('lets a node say of itself what it has', async () => {
  await using api = await startTestApiServer();

  const node = await createClient(api.transport)
    .resource(Node)
    .create({ metadata: { name: 'n' }, status: { capacity: { cpu: '4' } } });

  expect(node.status).toMatchObject({ capacity: { cpu: '4' }, allocatable: { cpu: '4' } });
});

it('believes nobody else about the status of a new object', async () => {
  await using api = await startTestApiServer();

  const volume = await createClient(api.transport)
    .resource(PersistentVolume)
    .create({
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
      status: { phase: 'Bound' },
    });

  expect(volume.status).toEqual({ phase: 'Pending', lastPhaseTransitionTime: volume.metadata?.creationTimestamp });
});
