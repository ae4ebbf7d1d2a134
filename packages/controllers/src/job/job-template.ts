import { nameOf } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { Container, PodTemplateSpec } from '@keelson/api/core/v1';
import { IGNORED_INDEX_FAILURES, INDEX, INDEX_FAILURES, TRACKING, type IndexFailures } from './job-pods.ts';

const ENV_NAME = 'JOB_COMPLETION_INDEX';
const MAX_NAME = 253;
const SUFFIX_LENGTH = 5;

/** A pod of a Job without indexes. */
export function plainTemplate(job: Job): PodTemplateSpec {
  const { metadata, spec } = job.spec?.template ?? {};
  const finalizers = [...(metadata?.finalizers ?? []).filter((name) => name !== TRACKING), TRACKING];
  return { metadata: { ...metadata, finalizers }, ...(spec && { spec }) };
}

/** The pod of an index; `failures` if indexes have limits of their own. */
export function indexedTemplate(job: Job, index: number, failures: IndexFailures | undefined): PodTemplateSpec {
  const { metadata, spec } = plainTemplate(job);
  const text = String(index);
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, [INDEX]: text },
      annotations: { ...metadata?.annotations, [INDEX]: text, ...(failures && failureAnnotations(failures)) },
    },
    ...(spec && {
      spec: {
        ...spec,
        hostname: `${nameOf(job)}-${index}`,
        containers: spec.containers.map(withIndex),
        ...(spec.initContainers && { initContainers: spec.initContainers.map(withIndex) }),
      },
    }),
  };
}

/** What names of an index's pods begin with, cut so that they are not too long. */
export function indexedPrefix(job: Job, index: number): string {
  const suffix = `-${index}-`;
  return nameOf(job).slice(0, MAX_NAME - suffix.length - SUFFIX_LENGTH) + suffix;
}

function failureAnnotations({ counted, ignored }: IndexFailures): Record<string, string> {
  return { [INDEX_FAILURES]: String(counted), ...(ignored > 0 && { [IGNORED_INDEX_FAILURES]: String(ignored) }) };
}

function withIndex(container: Container): Container {
  if (container.env?.some(({ name }) => name === ENV_NAME)) return container;
  const valueFrom = { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${INDEX}']` } };
  return { ...container, env: [...(container.env ?? []), { name: ENV_NAME, valueFrom }] };
}
