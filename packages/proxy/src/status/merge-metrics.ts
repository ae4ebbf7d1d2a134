/**
 * Several texts in Prometheus' format as one: each metric is described once, with the samples of all of them behind it, as the format
 * demands.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const [only, ...others] = texts;
  if (others.length === 0) return only ?? '';
  const metrics = new Map<string, string>();
  for (const block of texts.flatMap((text) => text.split(/^(?=# HELP )/m))) {
    const [, head = '', samples = ''] = /^((?:#.*\n)*)([^]*)$/.exec(block) ?? [];
    metrics.set(head, (metrics.get(head) ?? '') + samples);
  }
  return [...metrics].map(([head, samples]) => head + samples).join('');
}
