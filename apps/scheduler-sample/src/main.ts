import { SCHEDULER_PLUGIN } from '@keelson/scheduler';
import { CheapNodes } from './cheap-nodes.ts';
import { startControlPlane } from './compose.ts';
import { placePods } from './placements.ts';

const COSTS = [3, 1, 2];

async function show(title: string, configure?: Parameters<typeof startControlPlane>[0]): Promise<void> {
  await using controlPlane = await startControlPlane(configure);
  const placements = await placePods(controlPlane, COSTS, 3);
  process.stdout.write(`${title}\n`);
  for (const [pod, node] of [...placements].toSorted()) process.stdout.write(`  ${pod} -> ${node}\n`);
}

await show('without CheapNodes');
await show('with CheapNodes', (container) => container.bind(SCHEDULER_PLUGIN).toConstantValue(new CheapNodes()));
