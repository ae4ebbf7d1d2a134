import type { TableChanges } from './changes.ts';
import { SERVICE_CHAIN } from './names.ts';

export interface RestoreOptions {
  /** More chains than that are not made or deleted in one transaction. Default: no bound. */
  readonly chainsAtOnce?: number;
  /** False leaves the chains that should go there, empty. */
  readonly withDeletions?: boolean;
}

/** Each kind of chain leads to those before it only. */
const KINDS = ['SEP', 'SVL', 'SVC', 'EXT', 'FW'];

/**
 * The input of `iptables-restore --noflush`: one transaction for each table. If there are too many chains for one, those that nothing leads
 * to yet are made in transactions before it, and those that nothing leads to any more are deleted in transactions after it; so what packets
 * see still changes at once.
 */
export function restoreText(changes: readonly TableChanges[], options: RestoreOptions = {}): string {
  return changes
    .flatMap((one) => transactions(one, options).map((lines) => `*${one.table}\n${lines.join('\n')}\nCOMMIT\n`))
    .join('');
}

function transactions(changes: TableChanges, { chainsAtOnce = Infinity, withDeletions = true }: RestoreOptions): string[][] {
  const { written, fresh, edits, deleted } = changes;
  const isService = (chain: string): boolean => SERVICE_CHAIN.test(chain);
  const early = [...fresh].filter(isService);
  const late = deleted.filter(isService);
  const makesEarly = early.length > chainsAtOnce;
  const deletesLate = late.length > chainsAtOnce;
  const isInMain = (chain: string): boolean => !(makesEarly && fresh.has(chain) && isService(chain));
  const gone = deleted.filter((chain) => !(deletesLate && isService(chain)));
  const fixedGone = gone.filter((chain) => !isService(chain));
  const remove = (chains: readonly string[]): string[] => (withDeletions ? chains.map((chain) => `-X ${chain}`) : []);
  const main = [
    ...declare([...gone, ...[...written.keys()].filter(isInMain)]),
    ...edits,
    ...append(written, isInMain),
    // Chains for deleting later may still lead to fixed ones.
    ...remove(deletesLate ? gone.filter(isService) : gone),
  ];
  return [
    ...(makesEarly ? batches(early.sort(byKind), chainsAtOnce).map((batch, index) => make(changes, batch, index === 0)) : []),
    main,
    ...(deletesLate
      ? batches(late.sort(byKind).reverse(), chainsAtOnce).map((batch) => [...declare(batch), ...remove(batch)])
      : []),
    ...(deletesLate && fixedGone.length > 0 ? [remove(fixedGone)] : []),
  ].filter((lines) => lines.length > 0);
}

/** Makes chains that only other new ones lead to. They themselves lead to fixed chains, which have to be there, if only by name. */
function make({ written, fresh }: TableChanges, batch: readonly string[], isFirst: boolean): string[] {
  const chains = new Set(batch);
  const fixed = isFirst ? [...fresh].filter((chain) => !SERVICE_CHAIN.test(chain)) : [];
  return [...declare([...fixed, ...batch]), ...append(written, (chain) => chains.has(chain))];
}

/** The last name first: the nft variant sorts chains by inserting them from the front, and is several times slower with them in order. */
function declare(chains: readonly string[]): string[] {
  return chains
    .toSorted()
    .reverse()
    .map((chain) => `:${chain} - [0:0]`);
}

function append(chains: TableChanges['written'], isWanted: (chain: string) => boolean): string[] {
  return [...chains].filter(([chain]) => isWanted(chain)).flatMap(([chain, lines]) => lines.map((line) => `-A ${chain} ${line}`));
}

function byKind(left: string, right: string): number {
  const rank = (chain: string): number => KINDS.findIndex((kind) => chain.startsWith(`KUBE-${kind}-`));
  return rank(left) - rank(right) || (left < right ? -1 : 1);
}

function batches(chains: readonly string[], size: number): (readonly string[])[] {
  return Array.from({ length: Math.ceil(chains.length / size) }, (_, index) => chains.slice(index * size, (index + 1) * size));
}
