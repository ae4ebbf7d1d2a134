import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { ClientWorld } from './client-node/client-world.ts';
import { customTests } from './client-node/custom.ts';
import { objectTests } from './client-node/objects.ts';
import { streamTests } from './client-node/streams.ts';
import { watchTests } from './client-node/watches.ts';
import { SimulatedWorld } from './testing/simulated-world.ts';

describe('@kubernetes/client-node 2.0', () => {
  let simulated: SimulatedWorld;
  let world: ClientWorld;

  beforeAll(async () => {
    simulated = await SimulatedWorld.up();
    world = new ClientWorld(simulated.keelson.kubeconfig);
  });
  afterAll(() => simulated?.[Symbol.asyncDispose]());
  beforeEach(() => world.nextNamespace());

  objectTests(() => world);
  customTests(() => world);
  watchTests(() => world);
  streamTests(() => world);
});
