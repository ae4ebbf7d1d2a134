import { collectDefaultMetrics, Registry as PrometheusRegistry } from 'prom-client';
import type { PathHandler } from '../request/path-handler.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { ApiResult } from '../response/api-result.ts';
import { joinFamilies } from './metric-families.ts';

/** `/metrics`: of the process, and whatever `sources` add. */
export class MetricsPath implements PathHandler {
  readonly #sources: (() => string)[] = [];
  #process: PrometheusRegistry | undefined;

  add(source: () => string): void {
    this.#sources.push(source);
  }

  async handle({ path }: ApiRequest): Promise<ApiResult | undefined> {
    if (path !== '/metrics') return undefined;
    const parts = [...this.#sources.map((source) => source()), await this.#processText()];
    return { type: 'content', status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: joinFamilies(parts) };
  }

  /** Made on first use: measuring the event loop costs a little all the time. */
  #processText(): Promise<string> {
    if (!this.#process) {
      this.#process = new PrometheusRegistry();
      collectDefaultMetrics({ register: this.#process });
    }
    return this.#process.metrics();
  }
}
