/** For a merge patch, which keeps the keys that it does not name: `wanted`, with the keys taken away that only `known` has. */
export function replacingMap(
  wanted: Readonly<Record<string, string>>,
  known: Readonly<Record<string, string>> | undefined,
): Record<string, string | null> {
  const gone = Object.keys(known ?? {}).filter((name) => !Object.hasOwn(wanted, name));
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...wanted };
}
