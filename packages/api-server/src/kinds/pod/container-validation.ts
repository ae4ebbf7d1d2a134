import { isValidPortName } from '@keelson/api';
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '@keelson/api/core/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkChoice, checkDnsLabel, checkPort, PROTOCOLS } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import { checkIp } from '../../validation/ip.ts';
import { checkEnvironment } from './env-validation.ts';
import { checkMounts } from './mount-validation.ts';
import { checkLifecycle, checkReadinessProbe, checkRestartingProbe } from './probe-validation.ts';
import { checkResizePolicy, checkResources } from './resource-validation.ts';
import { checkSecurityContext } from './security-validation.ts';
import type { Volumes } from './volume-validation.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['FallbackToLogsOnError', 'File'];
const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const RULE_ACTIONS = ['Restart', 'RestartAllContainers'];
const RULE_OPERATORS = ['In', 'NotIn'];
const PROBES = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const NOT_FOR_EPHEMERAL = ['ports', ...PROBES, 'resources', 'resizePolicy'] as const;

/** What the parts of one pod's containers are checked against. */
export interface PodContext {
  readonly spec: PodSpec;
  readonly volumes: Volumes;
  readonly claims: ReadonlySet<string>;
  /** Of a template, whose pods get defaults of their own. */
  readonly isTemplate: boolean;
}

export function checkContainers(context: PodContext, parent: Field): void {
  const { spec } = context;
  const names = new Unique();
  const hostPorts = new Unique();
  if ((spec.containers ?? []).length === 0) parent.child('containers').required();
  checkEach(spec.containers, parent, 'containers', (container, at) => {
    checkCommon(container, context, at);
    checkUniqueName(container.name, names, at);
    checkHooks(container, context, at);
    checkRestartPolicy(container, at);
    checkHostPorts(container.ports, hostPorts, at);
  });
  checkEach(spec.initContainers, parent, 'initContainers', (container, at) => {
    checkCommon(container, context, at);
    checkUniqueName(container.name, names, at);
    checkRestartPolicy(container, at);
    if (container.restartPolicy === 'Always') checkHooks(container, context, at);
    else forbidHooks(container, at);
    checkHostPorts(container.ports, new Unique(), at);
  });
  checkEach(spec.ephemeralContainers, parent, 'ephemeralContainers', (container, at) => {
    checkCommon(container, context, at);
    checkUniqueName(container.name, names, at);
    checkEphemeral(container, spec, at);
  });
}

function checkUniqueName(name: string | undefined, names: Unique, at: Field): void {
  if (name !== undefined && name !== '' && !names.add(name)) at.child('name').duplicate(name);
}

function checkCommon(container: Container | EphemeralContainer, context: PodContext, at: Field): void {
  checkDnsLabel(container.name, at, 'name');
  checkImage(container.image, at);
  checkChoice(container.terminationMessagePolicy, MESSAGE_POLICIES, () => at.child('terminationMessagePolicy'));
  checkMounts(container, context.volumes, at);
  checkPorts(container.ports, context, at);
  checkEnvironment(container, at);
  checkChoice(container.imagePullPolicy, PULL_POLICIES, () => at.child('imagePullPolicy'));
  checkResources(container.resources, context.claims, at.child('resources'));
  checkResizePolicy(container, at);
  checkSecurityContext(container.securityContext, context.spec, at);
}

export function checkImage(image: string | undefined, at: Field): void {
  if (image === undefined || image === '') at.child('image').required();
  else if (image.trim() !== image) at.child('image').invalid(image, 'must not have leading or trailing whitespace');
}

function checkHooks(container: Container, { spec }: PodContext, at: Field): void {
  checkLifecycle(container.lifecycle, { graceSeconds: spec.terminationGracePeriodSeconds, os: spec.os?.name }, at);
  checkRestartingProbe(container.livenessProbe, at, 'livenessProbe');
  checkReadinessProbe(container.readinessProbe, at);
  checkRestartingProbe(container.startupProbe, at, 'startupProbe');
}

function forbidHooks(container: Container, at: Field): void {
  for (const name of PROBES) {
    if (container[name] !== undefined)
      at.child(name).forbidden('may not be set for init containers without restartPolicy=Always');
  }
}

function checkRestartPolicy(container: Container, at: Field): void {
  const { restartPolicy, restartPolicyRules = [] } = container;
  if (restartPolicy === undefined) {
    if (restartPolicyRules.length > 0)
      at.child('restartPolicy').required('must specify restartPolicy when restart rules are used');
    return;
  }
  if (!RESTART_POLICIES.includes(restartPolicy)) at.child('restartPolicy').notSupported(restartPolicy, RESTART_POLICIES);
  checkEach(restartPolicyRules, at, 'restartPolicyRules', (rule, ruleAt) => {
    const { action = '', exitCodes } = asSent(rule);
    if (!RULE_ACTIONS.includes(action)) ruleAt.child('action').notSupported(action, RULE_ACTIONS);
    if (exitCodes === undefined) return ruleAt.child('exitCodes').required('must be specified');
    const { operator = '' } = asSent(exitCodes);
    if (!RULE_OPERATORS.includes(operator)) ruleAt.child('exitCodes').child('operator').notSupported(operator, RULE_OPERATORS);
  });
}

function checkPorts(ports: readonly ContainerPort[] | undefined, { spec, isTemplate }: PodContext, parent: Field): void {
  const names = new Unique();
  checkEach(ports, parent, 'ports', (port, at) => {
    checkPortName(port.name, names, at);
    if ((port.containerPort ?? 0) === 0) at.child('containerPort').required();
    else checkPort(port.containerPort, at.child('containerPort'));
    if (port.hostPort !== undefined && port.hostPort !== 0) checkPort(port.hostPort, at.child('hostPort'));
    if (port.hostIP !== undefined && port.hostIP !== '') checkIp(port.hostIP, at.child('hostIP'));
    checkChoice(port.protocol, PROTOCOLS, () => at.child('protocol'));
    const hostPort = port.hostPort ?? 0;
    if (spec.hostNetwork === true && hostPort !== port.containerPort && !(isTemplate && hostPort === 0)) {
      at.child('hostPort').invalid(hostPort, 'must match `containerPort` when `hostNetwork` is true');
    }
  });
}

function checkPortName(name: string | undefined, names: Unique, at: Field): void {
  if (name === undefined || name === '') return;
  const messages = isValidPortName(name);
  for (const message of messages) at.child('name').invalid(name, message);
  if (messages.length === 0 && !names.add(name)) at.child('name').duplicate(name);
}

function checkHostPorts(ports: readonly ContainerPort[] | undefined, taken: Unique, parent: Field): void {
  checkEach(ports, parent, 'ports', (port, at) => {
    if (port.hostPort === undefined || port.hostPort === 0) return;
    const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
    if (!taken.add(key)) at.child('hostPort').duplicate(key);
  });
}

function checkEphemeral(container: EphemeralContainer, spec: PodSpec, at: Field): void {
  const target = container.targetContainerName;
  const isKnown = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ name }) => name === target);
  if (target !== undefined && target !== '' && !isKnown) at.child('targetContainerName').notFound(target);
  for (const name of NOT_FOR_EPHEMERAL) {
    const value = container[name];
    if (value !== undefined && Object.keys(value).length > 0)
      at.child(name).forbidden('cannot be set for an Ephemeral Container');
  }
  if (container.restartPolicy !== undefined) at.child('restartPolicy').forbidden('cannot be set for an Ephemeral Container');
  checkEach(container.volumeMounts, at, 'volumeMounts', (mount, mountAt) => {
    for (const name of ['subPath', 'subPathExpr'] as const) {
      if ((mount[name] ?? '') !== '') mountAt.child(name).forbidden('cannot be set for an Ephemeral Container');
    }
  });
}
