import { couldRestartAll, isContainerRestarted, isDnsSubdomain, isQualifiedName } from '@keelson/api';
import type { ContainerStatus, Pod, PodSpec, PodStatus } from '@keelson/api/core/v1';
import { checkNamed, checkText } from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { isIpAddress } from '../../validation/ip.ts';

export function validatePodStatusUpdate(pod: Pod, old: Readonly<Pod>): readonly FieldError[] {
  const { status = {} } = pod;
  const oldStatus = old.status ?? {};
  return Field.collect((root) => {
    const at = root.child('status');
    checkNamed(isDnsSubdomain, status.nominatedNodeName, at, 'nominatedNodeName');
    if (oldStatus.qosClass !== undefined && status.qosClass !== oldStatus.qosClass)
      at.child('qosClass').invalid(status.qosClass, 'field is immutable');
    checkEach(status.conditions, at, 'conditions', ({ type }, conditionAt) =>
      checkText(isQualifiedName, type ?? '', conditionAt.child('type')),
    );
    checkAddresses(status, at);
    const { spec } = pod;
    if (spec && (spec.restartPolicy ?? 'Always') !== 'Always' && !couldRestartAll(spec)) {
      checkTransitions(status.containerStatuses, oldStatus.containerStatuses, spec, at.child('containerStatuses'));
    }
  });
}

function checkAddresses(status: PodStatus, at: Field): void {
  const addresses = status.podIPs ?? [];
  checkEach(addresses, at, 'podIPs', ({ ip }, ipAt) => {
    if (!isIpAddress(ip)) ipAt.invalid(ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  });
  if (new Set(addresses.map(({ ip }) => ip)).size < addresses.length) at.child('podIPs').duplicate(addresses);
  if (addresses.length > 2) at.child('podIPs').invalid(addresses, 'may specify no more than one IP for each IP family');
}

/** A container that has ended for good does not run again. */
function checkTransitions(
  statuses: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  spec: PodSpec,
  at: Field,
): void {
  for (const [position, before] of (old ?? []).entries()) {
    const ended = before.state?.terminated;
    const container = spec.containers.find(({ name }) => name === before.name);
    if (!ended || !container || isContainerRestarted(spec, container, ended.exitCode)) continue;
    const now = (statuses ?? []).find(({ name }) => name === before.name);
    if (now !== undefined && now.state?.terminated === undefined) {
      at.index(position).child('state').forbidden('may not be transitioned to non-terminated state');
    }
  }
}
