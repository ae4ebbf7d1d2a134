import { findCondition } from '@keelson/api';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { silentLogger } from '@keelson/base';
import { createOperator } from '@keelson/controller-runtime';
import { eventually, startCluster, type TestCluster } from '@keelson/testing';
import { definitions } from './apis.ts';
import { setUp } from './operator.ts';

/** A cluster in this process with the operator at work, for tests. */
export async function startWorld(): Promise<{ readonly cluster: TestCluster; readonly stop: () => Promise<void> }> {
  const cluster = await startCluster({ nodes: 0, scheduler: false });
  const known = cluster.client.resource(CustomResourceDefinition);
  for (const definition of definitions) {
    const name = (await known.create(definition)).metadata?.name ?? '';
    await eventually(async () => findCondition((await known.get({ name })).status?.conditions, 'Established')?.status === 'True');
  }
  const operator = await createOperator({
    name: 'test',
    client: cluster.client,
    logger: silentLogger,
    setUp: (made) => setUp(made, { namespace: 'default', port: 0 }),
  });
  await operator.start(new AbortController().signal);
  const stop = async (): Promise<void> => {
    await operator.stop();
    await cluster.close();
  };
  return { cluster, stop };
}
