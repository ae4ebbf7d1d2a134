import type { Ingress } from '@keelson/api/networking/v1';
import type { EventRecorder } from '@keelson/controller-runtime';
import { backendsOf, tlsOf, type TlsEntry } from './routing/build-routes.ts';

interface Lookups {
  readonly backends: { problemOf(key: string): string | undefined };
  readonly certificates: { problemOf(entry: TlsEntry): string | undefined };
}

/** Why parts of an Ingress are not served as it asks, in words for users. */
export function problemsOf(ingress: Ingress, { backends, certificates }: Lookups): readonly string[] {
  const { defaultBackend, rules = [] } = ingress.spec ?? {};
  const all = [defaultBackend, ...rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend))];
  const resources = all.some((backend) => backend?.resource) ? ['backends that are resources are not supported'] : [];
  return [
    ...resources,
    ...backendsOf(ingress).flatMap(({ key }) => backends.problemOf(key) ?? []),
    ...tlsOf(ingress).flatMap((entry) => certificates.problemOf(entry) ?? []),
  ];
}

export interface IngressProblems {
  readonly ingress: Ingress;
  readonly problems: readonly string[];
}

/** Tells of problems as events: each once, until it is gone or another one. */
export class ProblemReporter {
  readonly #events: Pick<EventRecorder, 'event'>;
  #told = new Map<string, string>();

  constructor(events: Pick<EventRecorder, 'event'>) {
    this.#events = events;
  }

  /** What is wrong with all Ingresses now. */
  report(all: readonly IngressProblems[]): void {
    const told = new Map<string, string>();
    for (const { ingress, problems } of all) {
      const uid = ingress.metadata?.uid ?? '';
      const text = problems.join('; ');
      told.set(uid, text);
      const before = this.#told.get(uid);
      if (text === before) continue;
      if (text !== '') this.#events.event(ingress, 'Warning', 'NotServed', text);
      else this.#events.event(ingress, 'Normal', 'Sync', 'All rules are served');
    }
    this.#told = told;
  }
}
