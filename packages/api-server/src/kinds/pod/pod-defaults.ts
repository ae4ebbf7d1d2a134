import type {
  Container,
  EphemeralContainer,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
} from '@keelson/api/core/v1';
import { defaultPullPolicy } from './pull-policy.ts';
import { setVolumeDefaults } from './volume-defaults.ts';

/** Hot path: runs on each write of a pod; it only fills what is absent. */
export function setPodDefaults(pod: Pod): void {
  const { spec } = pod;
  if (spec === undefined) return;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of spec.containers ?? []) setRequestsFromLimits(container.resources);
  for (const container of spec.initContainers ?? []) setRequestsFromLimits(container.resources);
  if (spec.resources !== undefined) setPodRequests(spec);
  if (spec.hostNetwork === true) setHostPorts(spec);
}

/** As for a pod, but for what is only done once a pod is made of the template: requests, host ports, service links. */
export function setPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (template === undefined) return;
  template.metadata ??= {};
  setPodSpecDefaults((template.spec ??= { containers: [] }));
}

export function setPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  setServiceAccount(spec);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const container of spec.initContainers ?? []) setContainerDefaults(container);
  for (const container of spec.containers ?? []) setContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container);
}

/** `serviceAccount` is the old name of `serviceAccountName`; both always say the same. */
function setServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (name === undefined || name === '') return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

function setContainerDefaults(container: Container | EphemeralContainer): void {
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef !== undefined) variable.valueFrom.fieldRef.apiVersion ||= 'v1';
    if (variable.valueFrom?.fileKeyRef !== undefined) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  setHandlerDefaults(container.lifecycle?.postStart);
  setHandlerDefaults(container.lifecycle?.preStop);
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (probe === undefined) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHandlerDefaults(probe);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function setHandlerDefaults(handler: Pick<LifecycleHandler, 'httpGet'> | undefined): void {
  if (handler?.httpGet === undefined) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
}

function setRequestsFromLimits(resources: ResourceRequirements | undefined): void {
  if (resources?.limits === undefined) return;
  const requests = (resources.requests ??= {});
  for (const name in resources.limits) {
    const limit = resources.limits[name];
    if (limit !== undefined) requests[name] ??= limit;
  }
}

/** A pod-wide limit becomes the pod-wide request, unless containers say what they ask for. */
function setPodRequests(spec: PodSpec): void {
  const { limits } = spec.resources ?? {};
  if (spec.resources === undefined || limits === undefined) return;
  const requests = (spec.resources.requests ??= {});
  for (const name in limits) {
    const isAsked = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(
      (item) => item.resources?.requests?.[name] !== undefined,
    );
    const limit = limits[name];
    if (!isAsked && limit !== undefined) requests[name] ??= limit;
  }
  if (Object.keys(requests).length === 0) delete spec.resources.requests;
}

function setHostPorts(spec: PodSpec): void {
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}
