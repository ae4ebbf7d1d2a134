import type { Clock } from '@keelson/base';
import type { PathHandler } from '../request/path-handler.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { ApiResult, ContentResult } from '../response/api-result.ts';

/** One thing that must be well. */
export interface HealthCheck {
  readonly name: string;
  /** Rejects with the reason if it is not. */
  check(): Promise<void>;
}

const ROOTS = new Set(['healthz', 'livez', 'readyz']);
/** Who does not answer within this time is not well. */
const PATIENCE_MS = 2_000;

/** `/healthz`, `/livez` and `/readyz`, as a whole and check by check. */
export class HealthPaths implements PathHandler {
  readonly #checks: readonly HealthCheck[];
  readonly #readyChecks: () => readonly HealthCheck[];
  readonly #clock: Clock;

  /** `readyChecks` count for `/readyz` alone. */
  constructor(checks: readonly HealthCheck[], readyChecks: () => readonly HealthCheck[], clock: Clock) {
    this.#checks = checks;
    this.#readyChecks = readyChecks;
    this.#clock = clock;
  }

  async handle(request: ApiRequest): Promise<ApiResult | undefined> {
    const [, root = '', name, ...rest] = request.path.split('/');
    if (!ROOTS.has(root) || rest.length > 0) return undefined;
    const checks = root === 'readyz' ? [...this.#checks, ...this.#readyChecks()] : this.#checks;
    if (name === undefined || name === '') return this.#all(request, root, checks);
    const found = checks.find((check) => check.name === name);
    return found && this.#all(request, `${root}/${name}`, [found]);
  }

  async #all({ query }: ApiRequest, title: string, checks: readonly HealthCheck[]): Promise<ContentResult> {
    const excluded = new Set(query.all('exclude'));
    const lines: string[] = [];
    let isWell = true;
    for (const check of checks) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`);
        continue;
      }
      const isOk = await this.#holds(check);
      if (!isOk) isWell = false;
      // Why is for the log of the server: anybody may ask here.
      lines.push(isOk ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
    }
    if (excluded.size > 0) {
      const names = [...excluded].map((name) => JSON.stringify(name)).join(',');
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
    }
    if (!isWell) return text(500, `${lines.join('\n')}\n${title} check failed\n`);
    return text(200, query.has('verbose') ? `${lines.join('\n')}\n${title} check passed\n` : 'ok');
  }

  async #holds({ check }: HealthCheck): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    using _timer = this.#clock.after(PATIENCE_MS, () => late.resolve(false));
    const held = check().then(
      () => true,
      () => false,
    );
    // The timer lasts as long as this waits.
    return await Promise.race([held, late.promise]);
  }
}

function text(status: number, body: string): ContentResult {
  return {
    type: 'content',
    status,
    contentType: 'text/plain; charset=utf-8',
    body,
    headers: { 'X-Content-Type-Options': 'nosniff' },
  };
}
