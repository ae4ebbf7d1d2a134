const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** `metav1.Time`: RFC 3339 in UTC, to the second. */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** `metav1.MicroTime`: RFC 3339 in UTC with six decimals. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since the epoch of an RFC 3339 time, with any offset and fraction; `undefined` if it is none. */
export function parseTime(text: string | undefined | null): number | undefined {
  if (typeof text !== 'string' || !RFC3339.test(text)) return undefined;
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}
