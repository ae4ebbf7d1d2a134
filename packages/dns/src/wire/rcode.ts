/** Response codes, by the names of the DNS registry. */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

export type Rcode = number;

const NAMES = new Map<Rcode, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

export function rcodeName(rcode: Rcode): string {
  return NAMES.get(rcode) ?? String(rcode);
}
