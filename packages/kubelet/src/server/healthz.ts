import type { Clock } from '@keelson/base';

export interface HealthSource {
  readonly clock: Clock;
  /** When all of the runtime was looked at last, by the monotonic clock. */
  readonly lastLookMs: () => number;
}

/** As upstream's loop: two rounds may be missed. */
const STALE_MS = 120_000;

type Checks = Readonly<Record<string, () => string | undefined>>;

/** What `/healthz` answers: of all checks, or of the one that the path names. `undefined`: there is none of that name. */
export function healthz(
  path: string,
  { clock, lastLookMs }: HealthSource,
  verbose: boolean,
): { readonly code: number; readonly body: string } | undefined {
  const checks: Checks = {
    ping: () => undefined,
    log: () => undefined,
    syncloop: () => {
      const ageMs = clock.monotonic() - lastLookMs();
      return ageMs <= STALE_MS ? undefined : `sync Loop took longer than expected: ${Math.round(ageMs / 1000)} s`;
    },
  };
  const [, , one = ''] = path.split('/');
  if (one === '') return all(checks, verbose);
  const check = Object.hasOwn(checks, one) ? checks[one] : undefined;
  if (!check) return undefined;
  const failure = check();
  return failure === undefined ? { code: 200, body: 'ok' } : { code: 500, body: `internal server error: ${failure}\n` };
}

function all(checks: Checks, verbose: boolean): { readonly code: number; readonly body: string } {
  const results = Object.entries(checks).map(([name, check]) => ({ name, failed: check() !== undefined }));
  const isWell = results.every(({ failed }) => !failed);
  if (isWell && !verbose) return { code: 200, body: 'ok' };
  const lines = results.map(({ name, failed }) => (failed ? `[-]${name} failed: reason withheld` : `[+]${name} ok`));
  return { code: isWell ? 200 : 500, body: `${lines.join('\n')}\nhealthz check ${isWell ? 'passed' : 'failed'}\n` };
}
