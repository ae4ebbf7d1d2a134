/** Counts what policies have decided, as upstream names it. Text is made when somebody reads it. */
export class PolicyMetrics {
  readonly #counts = new Map<string, number>();
  readonly #prefix: string;

  constructor(prefix: 'validating' | 'mutating') {
    this.#prefix = prefix;
  }

  record(action: 'allow' | 'deny' | 'warn' | 'audit', policy: string, binding: string, error: string): void {
    const key = `enforcement_action="${action}",error_type="${error}",policy="${policy}",policy_binding="${binding}"`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** In Prometheus' text format. */
  text(): string {
    const name = `apiserver_${this.#prefix}_admission_policy_check_total`;
    const lines = [...this.#counts].map(([labels, count]) => `${name}{${labels}} ${count}`);
    return [`# HELP ${name} Decisions of admission policies.`, `# TYPE ${name} counter`, ...lines, ''].join('\n');
  }
}
