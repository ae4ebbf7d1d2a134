import { namespaceOf, nameOf } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { Lister } from '@keelson/controller-runtime';
import { mutating, validating, type AdmissionWebhook } from '@keelson/controller-runtime/webhooks';
import { Website } from './website.ts';

/** What a schema cannot say: defaults out of the name, and rules across websites. */
export function websiteWebhooks(websites: Lister<Website>): readonly AdmissionWebhook[] {
  return [
    mutating(Website, (site) => {
      site.spec.host ??= `${nameOf(site)}.${namespaceOf(site) || 'default'}.example.com`;
    }),
    validating(Website, ({ object, warn }) => {
      if (!object) return;
      const twin = websites
        .list(namespaceOf(object))
        .find((other) => nameOf(other) !== nameOf(object) && other.spec.host === object.spec.host);
      if (twin) throw new KeelsonError('Forbidden', `host "${object.spec.host}" belongs to website "${nameOf(twin)}"`);
      if (object.spec.replicas === 1) warn('a website with one replica is away while its pod moves');
    }),
  ];
}
