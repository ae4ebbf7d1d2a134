/** Nodes are counted from 1. */
export function nodeNameOf(index: number): string {
  return `node-${index}`;
}
