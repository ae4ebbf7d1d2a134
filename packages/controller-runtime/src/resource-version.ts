/**
 * Whether a resourceVersion is older than another one. They are decimal numbers of any length, larger ones newer (KEP-5504); of anything else
 * nothing is known, and the answer is no.
 */
export function isOlder(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || than === undefined || !/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
