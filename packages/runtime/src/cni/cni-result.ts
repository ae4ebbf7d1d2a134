/** A plugin's result, as the specification has it since 0.3.0. What is not read here is passed on as it came. */
export interface CniResult {
  readonly cniVersion?: string;
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns?: Readonly<Record<string, unknown>>;
  readonly ips?: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
}

/** Addresses that a result gives the sandbox, without the length of their prefix. */
export function addressesIn({ ips = [], interfaces = [] }: CniResult): readonly string[] {
  const inSandbox = ips.filter((ip) => ip.interface === undefined || interfaces[ip.interface]?.sandbox);
  return inSandbox.map(({ address }) => address.split('/')[0] ?? '').filter((address) => address !== '');
}
