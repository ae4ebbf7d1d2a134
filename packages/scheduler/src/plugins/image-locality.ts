import { MAX_NODE_SCORE, SKIP, type CycleState, type PreScorePlugin, type ScorePlugin } from '../framework.ts';

const KEY = 'ImageLocality';
const MIB = 1024 * 1024;
/** Images smaller than this are pulled quickly; what is larger than that per container counts no more. */
const MIN_BYTES = 23 * MIB;
const MAX_BYTES_A_CONTAINER = 1000 * MIB;

/** `nginx` is `nginx:latest`. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') && !image.includes('@') ? `${image}:latest` : image;
}

function spreadOf(state: CycleState): ReadonlyMap<string, number> {
  return state.read<ReadonlyMap<string, number>>(KEY) ?? new Map();
}

/** Nodes that have the pod's images already are better, the less so the fewer nodes have them: else all pods would go to one node. */
export const imageLocality: PreScorePlugin & ScorePlugin = {
  name: 'ImageLocality',
  preScore(state, pod, snapshot) {
    const spread = new Map<string, number>();
    for (const { image } of pod.spec?.containers ?? []) {
      const name = normalized(image ?? '');
      spread.set(name, snapshot.nodes.filter((node) => node.imageSizes.has(name)).length / Math.max(1, snapshot.nodes.length));
    }
    state.write(KEY, spread);
    // All nodes are alike then.
    return [...spread.values()].every((share) => share === 0) ? SKIP : undefined;
  },
  score(state, pod, node) {
    const spread = spreadOf(state);
    const containers = pod.spec?.containers ?? [];
    const bytes = containers.reduce((sum, { image }) => {
      const name = normalized(image ?? '');
      return sum + (node.imageSizes.get(name) ?? 0) * (spread.get(name) ?? 0);
    }, 0);
    const max = MAX_BYTES_A_CONTAINER * containers.length;
    return Math.floor((MAX_NODE_SCORE * (Math.min(Math.max(bytes, MIN_BYTES), max) - MIN_BYTES)) / (max - MIN_BYTES));
  },
};
