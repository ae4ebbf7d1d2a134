import { parseFieldSelector, type FieldTerm } from '@keelson/api';

/** The terms of a field selector; none if there is none, or if it cannot be read. */
export function fieldTerms(text: string | undefined): readonly FieldTerm[] | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return parseFieldSelector(text);
  } catch {
    return undefined;
  }
}
