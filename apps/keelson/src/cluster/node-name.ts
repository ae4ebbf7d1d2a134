/** Nodes are counted from 1. */
export function nodeNameOf(index: number): string {
  return `node-${index}`;
}

/** Each node gets so many bits of the cluster's range. */
const NODE_BITS = 24;

/** The range of a node's pods. */
export function podCidrOf({ clusterCidr }: { readonly clusterCidr: string }, index: number): string {
  const [base = '', bits = ''] = clusterCidr.split('/');
  if (Number(bits) >= NODE_BITS) return clusterCidr;
  const number = base.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0) + index * 256;
  return `${[24, 16, 8].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')}.0/${NODE_BITS}`;
}
