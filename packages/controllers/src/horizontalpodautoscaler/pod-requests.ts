import { nameOf, parseQuantity } from '@keelson/api';
import type { Container, Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';

/** What each pod asks for of a resource, in thousandths: all of it, or one of its containers. Throws for pods that do not say. */
export function podRequests(pods: readonly Pod[], resource: string, container: string | undefined): ReadonlyMap<string, number> {
  return new Map(pods.map((pod) => [nameOf(pod), requestOf(pod, resource, container)]));
}

function requestOf(pod: Pod, resource: string, name: string | undefined): number {
  const ofPod = pod.spec?.resources?.requests?.[resource];
  if (name === undefined && ofPod !== undefined) return milli(ofPod);
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const all: readonly Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  return all
    .filter((each) => name === undefined || each.name === name)
    .reduce((sum, each) => {
      const request = each.resources?.requests?.[resource];
      if (request === undefined) {
        const message = `missing request for ${resource} in container ${each.name} of Pod ${nameOf(pod)}`;
        throw new KeelsonError('BadRequest', message);
      }
      return sum + milli(request);
    }, 0);
}

function milli(quantity: string): number {
  return Number(parseQuantity(quantity).milliValue());
}
