const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](?:[01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

let lastSecond = Number.NaN;
let lastText = '';

/** `metav1.Time`: RFC 3339 in UTC, to the second. */
export function formatTime(epochMs: number): string {
  // Hot path: what is written in one second has one time.
  const second = Math.floor(epochMs / 1000);
  if (second === lastSecond) return lastText;
  lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
  lastSecond = second;
  return lastText;
}

/** `metav1.MicroTime`: RFC 3339 in UTC with six decimals. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since the epoch of an RFC 3339 time, with any offset and fraction; `undefined` if it is none. */
export function parseTime(text: string | undefined | null): number | undefined {
  const found = typeof text === 'string' ? RFC3339.exec(text) : null;
  if (!found) return undefined;
  const [whole, year, month, day] = found;
  if (Number(day) > daysIn(Number(year), Number(month))) return undefined;
  const epochMs = Date.parse(whole);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** JavaScript takes February 30th for March 2nd, Kubernetes refuses it. */
function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
