import { silentLogger } from '@keelson/base';
import { createClient, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';
import { createOperator, type RunningOperator } from '@keelson/controller-runtime';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { Namespace } from '@keelson/api/core/v1';
import { findCondition } from '@keelson/api';
import { eventually, startCluster } from '@keelson/testing';
import { setUp } from '../operator.ts';
import { Website } from '../website.ts';

/** A cluster with the operator, for one test after the other: each in a namespace of its own. */
export interface World extends AsyncDisposable {
  readonly client: Client;
  readonly operator: RunningOperator;
  namespace(): Promise<string>;
}

/** A cluster of its own, or the one that `TEST_KUBECONFIG` names. */
export async function startWorld(): Promise<World> {
  const kubeconfig = process.env['TEST_KUBECONFIG'];
  const cluster = kubeconfig === undefined ? await startCluster() : undefined;
  const client = cluster?.client ?? createClient(httpsTransport(loadKubeconfig(kubeconfig ?? '')));
  await install(client);
  const operator = await createOperator({
    name: 'operator-sample',
    client,
    logger: silentLogger,
    setUp: (made) => setUp(made, { namespace: 'default', port: 0 }),
  });
  await operator.start(new AbortController().signal);
  return {
    client,
    operator,
    namespace: async () => {
      const { metadata } = await client.resource(Namespace).create({ metadata: { generateName: 'sites-' } });
      return metadata?.name ?? '';
    },
    [Symbol.asyncDispose]: async () => {
      await operator.stop();
      await cluster?.close();
      if (!cluster) await client.transport.close();
    },
  };
}

async function install(client: Client): Promise<void> {
  const definitions = client.resource(CustomResourceDefinition);
  const { metadata } = Website.definition();
  const name = metadata?.name ?? '';
  await definitions.patch({ name }, 'apply', Website.definition(), { fieldManager: 'test' });
  await eventually(
    async () => findCondition((await definitions.get({ name })).status?.conditions, 'Established')?.status === 'True',
  );
}
