import { nameOf, type KubernetesObject } from '@keelson/api';
import { StatefulSet } from '@keelson/api/apps/v1';
import type { Pod, PodTemplateSpec, Volume } from '@keelson/api/core/v1';
import { podOf } from '../pod-control/pod-control.ts';
import { claimName } from './claims.ts';
import { REVISION_LABEL } from './ordinals.ts';

const NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** The pod of that ordinal, with its name, its place in DNS and its claims. */
export function statefulPod(
  set: StatefulSet,
  template: PodTemplateSpec,
  { ordinal, revision }: { readonly ordinal: number; readonly revision: string },
): Pod {
  const pod = podOf(set, StatefulSet, template);
  const name = `${nameOf(set)}-${ordinal}`;
  const labels = { ...pod.metadata?.labels, ...identityLabels(set, ordinal), [REVISION_LABEL]: revision };
  const { serviceName } = set.spec ?? {};
  return {
    ...pod,
    metadata: { ...pod.metadata, name, labels },
    ...(pod.spec && {
      spec: {
        ...pod.spec,
        hostname: name,
        ...(serviceName && { subdomain: serviceName }),
        volumes: withClaims(set, ordinal, pod.spec.volumes ?? []),
      },
    }),
  };
}

/** By which Services can select one pod alone. */
export function identityLabels(set: KubernetesObject, ordinal: number): Record<string, string> {
  return { [NAME_LABEL]: `${nameOf(set)}-${ordinal}`, [INDEX_LABEL]: String(ordinal) };
}

function withClaims(set: StatefulSet, ordinal: number, volumes: readonly Volume[]): Volume[] {
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const names = new Set(templates.map(nameOf));
  const claimed = templates.map((template) => ({
    name: nameOf(template),
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  return [...claimed, ...volumes.filter((volume) => !names.has(volume.name))];
}
