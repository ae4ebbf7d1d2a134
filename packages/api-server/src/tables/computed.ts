import type { Cell } from './cell.ts';
import { CLUSTER_CELLS, nodeAddress } from './cluster-cells.ts';
import { compilePath } from './json-path.ts';
import { NETWORK_CELLS } from './network-cells.ts';
import { POD_CELLS } from './pod-cells.ts';
import { POLICY_CELLS } from './policy-cells.ts';
import { STORAGE_CELLS } from './storage-cells.ts';
import { WORKLOAD_CELLS } from './workload-cells.ts';

const CELLS: Readonly<Record<string, Cell>> = {
  ...POD_CELLS,
  ...WORKLOAD_CELLS,
  ...NETWORK_CELLS,
  ...CLUSTER_CELLS,
  ...STORAGE_CELLS,
  ...POLICY_CELLS,
};

/** Those that take arguments. */
const MAKERS: Readonly<Record<string, (first: string, second: string) => Cell>> = {
  readyOf(have, want) {
    const [haveAt, wantAt] = [compilePath(have), compilePath(want)];
    return (object) => `${haveAt(object) ?? 0}/${wantAt(object) ?? 0}`;
  },
  groupResource(path) {
    const valueAt = compilePath(path);
    return (object) => {
      const { group, resource } = (valueAt(object) ?? {}) as { group?: string; resource?: string };
      return `${resource ?? ''}${group ? `.${group}` : ''}`;
    };
  },
  nodeAddress: (type) => nodeAddress(type),
};

/** The cell of a column that is computed: `podStatus`, or with arguments `readyOf(.a,.b)`. */
export function computedCell(text: string): Cell {
  const [, name = text, list = ''] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  const [first = '', second = ''] = list.split(',');
  const cell = CELLS[name] ?? MAKERS[name]?.(first, second);
  if (!cell) throw new SyntaxError(`Cannot compute the column "${text}"`);
  return cell;
}
