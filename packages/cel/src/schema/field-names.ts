/** Words of CEL that a field can only be named by as `__word__`. */
const KEYWORDS = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const NAME = /^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/;
const ESCAPES: readonly (readonly [RegExp, string])[] = [
  [/__/g, '__underscores__'],
  [/\./g, '__dot__'],
  [/-/g, '__dash__'],
  [/\//g, '__slash__'],
];

/** The name by which expressions know a property, such as `__namespace__` or `a__dash__b`; none for names that cannot be escaped. */
export function escapeFieldName(property: string): string | undefined {
  if (!NAME.test(property)) return undefined;
  if (KEYWORDS.has(property)) return `__${property}__`;
  return ESCAPES.reduce((name, [pattern, escape]) => name.replace(pattern, escape), property);
}

/** The property that an escaped name stands for. */
export function unescapeFieldName(name: string): string {
  const keyword = /^__(\w+)__$/.exec(name)?.[1];
  if (keyword !== undefined && KEYWORDS.has(keyword)) return keyword;
  return name
    .replaceAll('__dot__', '.')
    .replaceAll('__dash__', '-')
    .replaceAll('__slash__', '/')
    .replaceAll('__underscores__', '__');
}
