import { isHttpHeaderName } from '@keelson/api';
import type { ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '@keelson/api/core/v1';
import { checkNonNegative, checkPort, checkPortNumberOrName, checkPresent } from '../../validation/checks.ts';
import type { Field } from '../../validation/field.ts';

const SCHEMES = ['HTTP', 'HTTPS'];
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const SIGNALS_OF_WINDOWS = ['SIGKILL', 'SIGTERM'];

/** What all three kinds of probes share. */
export function checkProbe(probe: Probe | undefined, parent: Field, name: string): void {
  if (probe === undefined) return;
  const at = parent.child(name);
  checkHandler(probe, at);
  checkNonNegative(probe.initialDelaySeconds, at, 'initialDelaySeconds');
  checkNonNegative(probe.timeoutSeconds, at, 'timeoutSeconds');
  checkNonNegative(probe.periodSeconds, at, 'periodSeconds');
  checkNonNegative(probe.successThreshold, at, 'successThreshold');
  checkNonNegative(probe.failureThreshold, at, 'failureThreshold');
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) at.child('terminationGracePeriodSeconds').invalid(grace, 'must be greater than 0');
}

/** Liveness and startup probes: one success is enough to be fine again. */
export function checkRestartingProbe(probe: Probe | undefined, parent: Field, name: string): void {
  checkProbe(probe, parent, name);
  const threshold = probe?.successThreshold;
  if (threshold !== undefined && threshold !== 1) parent.child(name).child('successThreshold').invalid(threshold, 'must be 1');
}

export function checkReadinessProbe(probe: Probe | undefined, parent: Field): void {
  checkProbe(probe, parent, 'readinessProbe');
  const grace = probe?.terminationGracePeriodSeconds;
  if (grace !== undefined) {
    parent.child('readinessProbe').child('terminationGracePeriodSeconds').invalid(grace, 'must not be set for readinessProbes');
  }
}

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

function checkHandler(handler: Handler, at: Field): void {
  const present = HANDLERS.filter((kind) => handler[kind] !== undefined);
  if (present.length === 0) return at.required('must specify a handler type');
  for (const extra of present.slice(1)) at.child(extra).forbidden('may not specify more than 1 handler type');
  if (handler.exec !== undefined) checkExec(handler.exec, at.child('exec'));
  if (handler.httpGet !== undefined) checkHttpGet(handler.httpGet, at.child('httpGet'));
  if (handler.tcpSocket !== undefined) checkPortNumberOrName(handler.tcpSocket.port ?? 0, at.child('tcpSocket').child('port'));
  if (handler.grpc !== undefined) checkPort(handler.grpc.port ?? 0, at.child('grpc').child('port'));
}

function checkExec(exec: ExecAction, at: Field): void {
  if ((exec.command ?? []).length === 0) at.child('command').required();
}

function checkHttpGet(get: HTTPGetAction, at: Field): void {
  checkPresent(get.path, at, 'path');
  checkPortNumberOrName(get.port ?? 0, at.child('port'));
  if (get.scheme === undefined || !SCHEMES.includes(get.scheme)) at.child('scheme').notSupported(get.scheme ?? '', SCHEMES);
  for (const header of get.httpHeaders ?? []) {
    for (const message of isHttpHeaderName(header.name ?? '')) at.child('httpHeaders').invalid(header.name ?? '', message);
  }
}

export interface LifecycleLimits {
  readonly graceSeconds: number | undefined;
  readonly os: string | undefined;
}

export function checkLifecycle(lifecycle: Lifecycle | undefined, limits: LifecycleLimits, parent: Field): void {
  if (lifecycle === undefined) return;
  const at = parent.child('lifecycle');
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[hook];
    if (handler === undefined) continue;
    checkHandler(handler, at.child(hook));
    if (handler.sleep !== undefined) checkSleep(handler.sleep.seconds, limits.graceSeconds ?? 0, at.child(hook).child('sleep'));
  }
  if (lifecycle.stopSignal !== undefined) checkStopSignal(lifecycle.stopSignal, limits.os, at.child('stopSignal'));
}

function checkSleep(seconds: number, graceSeconds: number, at: Field): void {
  if (seconds >= 0 && seconds <= graceSeconds) return;
  at.invalid(seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`);
}

function checkStopSignal(signal: string, os: string | undefined, at: Field): void {
  if (os === undefined) at.forbidden('may not be set for containers with empty `spec.os.name`');
  else if (os === 'windows' && !SIGNALS_OF_WINDOWS.includes(signal)) at.notSupported(signal, SIGNALS_OF_WINDOWS);
}
