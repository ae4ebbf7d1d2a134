import type { Clock } from '@keelson/base';
import type { CommandRunner } from './command-runner.ts';
import { IptablesMode, type IptablesModeOptions } from './iptables/iptables-mode.ts';
import { IpvsMode, type IpvsModeOptions } from './ipvs/ipvs-mode.ts';
import { NftablesMode, type NftablesModeOptions } from './nftables/nftables-mode.ts';
import { OnlyMode } from './only-mode.ts';
import type { ProxyMode } from './proxy-mode.ts';
import { UserspaceMode, type UserspaceModeOptions } from './userspace/userspace-mode.ts';

/** The modes that there are, the one with the least cost first. */
export const PROXY_MODES = ['nftables', 'ipvs', 'iptables', 'userspace'] as const;
export type ProxyModeName = (typeof PROXY_MODES)[number];

export interface ModeDependencies {
  readonly clock: Clock;
  /** Default: children of this process. */
  readonly run?: CommandRunner;
}

/** What any of the modes can be told; each takes what it knows. */
export type ModeOptions = NftablesModeOptions & IpvsModeOptions & IptablesModeOptions & UserspaceModeOptions;

/** A mode by its name. */
export function createProxyMode(name: ProxyModeName, deps: ModeDependencies, options: ModeOptions = {}): ProxyMode {
  switch (name) {
    case 'nftables':
      return new NftablesMode(deps, options);
    case 'ipvs':
      return new IpvsMode(deps, options);
    case 'iptables':
      return new IptablesMode(deps, options);
    case 'userspace':
      return new UserspaceMode(deps, options);
  }
}

/** A mode by its name that, once it serves, removes what the others have left on the node. */
export function createOnlyMode(name: ProxyModeName, deps: ModeDependencies, options: ModeOptions = {}): ProxyMode {
  // Only root can have changed the kernel's rules, and only root can change them back.
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const others = isRoot ? PROXY_MODES.filter((one) => one !== name) : [];
  return new OnlyMode(
    createProxyMode(name, deps, options),
    others.map((one) => createProxyMode(one, deps, options)),
  );
}
