import { exposition, labelText, metricLine, type Family } from './exposition.ts';
import type { FileSystemUsage } from './machine.ts';

/** The volume of a claim that pods of the node use. */
export interface ClaimDisk {
  readonly namespace: string;
  readonly claim: string;
  readonly fileSystem: FileSystemUsage;
}

/** The part of `/metrics` about volumes of claims, each told of once however many pods use it. */
export function volumeMetrics(claims: readonly ClaimDisk[]): string {
  const rows = claims.map(({ namespace, claim, fileSystem }) => ({
    labels: labelText({ namespace, persistentvolumeclaim: claim }),
    fileSystem,
  }));
  const of = (what: string, help: string, valueOf: (usage: FileSystemUsage) => number): Family => {
    const name = `kubelet_volume_stats_${what}`;
    return {
      name,
      type: 'gauge',
      help: `${help} of the volume`,
      lines: rows.map(({ labels, fileSystem }) => metricLine(name, labels, valueOf(fileSystem))),
    };
  };
  return exposition([
    of('capacity_bytes', 'Capacity in bytes', ({ capacityBytes }) => capacityBytes),
    of('available_bytes', 'Bytes that are free', ({ availableBytes }) => availableBytes),
    of('used_bytes', 'Bytes in use', ({ usedBytes }) => usedBytes),
    of('inodes', 'Greatest number of inodes', ({ inodes }) => inodes),
    of('inodes_free', 'Inodes that are free', ({ inodesFree }) => inodesFree),
    of('inodes_used', 'Inodes in use', ({ inodes, inodesFree }) => inodes - inodesFree),
  ]);
}
