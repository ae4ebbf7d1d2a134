import { overload, type Overload } from './overload.ts';

/** For paths of JSON patches in mutating policies. */
export function jsonPatchFunctions(): Overload[] {
  return [
    overload(
      'string_jsonpatch_escapeKey',
      'escapeKey(string) string',
      (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
      'jsonpatch.escapeKey',
    ),
  ];
}
