/** Nodes are counted from 1. */
export function nodeNameOf(index: number): string {
  return `node-${index}`;
}

/** The range of a node's pods. */
export function podCidrOf(index: number): string {
  return `10.${244 + Math.floor(index / 256)}.${index % 256}.0/24`;
}
