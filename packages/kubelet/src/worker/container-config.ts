import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerConfig, ContainerSecurity, ImageStatus, Mount } from '@keelson/runtime';
import { expand } from '../env/expand.ts';
import { ANNOTATIONS, containerHash, isTask, LABELS } from '../pod/pod-facts.ts';
import { containerResources } from '../pod/resources.ts';

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly image: ImageStatus;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly nodeName: string;
  readonly memoryCapacityBytes: number;
  /** Where profiles of the node are. */
  readonly seccompDir: string;
  /** On the node, where the container's last words go. */
  readonly terminationLog: string;
  /** The container whose processes an ephemeral one asked to see. */
  readonly targetContainerId: string | undefined;
}

/** Pure: what the runtime is asked for. Throws what becomes a `CreateContainerConfigError`. */
export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, env, attempt, terminationLog, targetContainerId } = input;
  const { uid = '', name: podName = '', namespace = '' } = pod.metadata ?? {};
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const expanded = (words: readonly string[] | undefined) =>
    (words ?? []).map((word) => expand(word, (name) => values.get(name)));
  const logMount = {
    hostPath: terminationLog,
    containerPath: container.terminationMessagePath ?? '/dev/termination-log',
    readOnly: false,
  };
  return {
    name: container.name,
    attempt,
    image: input.image.id,
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    env,
    mounts: [...input.mounts, logMount],
    resources: containerResources(pod, container, input.memoryCapacityBytes),
    security: containerSecurity(pod, container, input),
    ...(isTask(pod, container) && { isTask: true }),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    ...(container.lifecycle?.stopSignal !== undefined && { stopSignal: container.lifecycle.stopSignal }),
    ...(targetContainerId !== undefined && { targetContainerId }),
    labels: {
      [LABELS.podName]: podName,
      [LABELS.podNamespace]: namespace,
      [LABELS.podUid]: uid,
      [LABELS.containerName]: container.name,
      [LABELS.node]: input.nodeName,
    },
    annotations: {
      ...pod.metadata?.annotations,
      [ANNOTATIONS.hash]: containerHash(container),
      [ANNOTATIONS.image]: container.image ?? '',
      [ANNOTATIONS.terminationMessagePath]: terminationLog,
    },
  };
}

/** The pod's settings with the container's own on top. Refuses to run as root what must not be root. */
export function containerSecurity(
  pod: Pod,
  container: Container,
  { image, seccompDir }: Pick<ContainerConfigInput, 'image' | 'seccompDir'>,
): ContainerSecurity {
  const ofPod = pod.spec?.securityContext;
  const own = container.securityContext;
  const uid = own?.runAsUser ?? ofPod?.runAsUser;
  const gid = own?.runAsGroup ?? ofPod?.runAsGroup;
  if (own?.runAsNonRoot ?? ofPod?.runAsNonRoot) refuseRoot(pod, container, uid, image);
  const profile = own?.seccompProfile ?? ofPod?.seccompProfile;
  const appArmor = own?.appArmorProfile ?? ofPod?.appArmorProfile;
  const privileged = own?.privileged ?? false;
  const group = gid === undefined ? '' : `:${gid}`;
  return {
    user: uid === undefined && gid === undefined ? '' : `${uid ?? (image.user || '0')}${group}`,
    supplementalGroups: [...(ofPod?.supplementalGroups ?? []), ...(ofPod?.fsGroup === undefined ? [] : [ofPod.fsGroup])],
    privileged,
    readOnlyRootFilesystem: own?.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own?.allowPrivilegeEscalation === false && !privileged,
    addCapabilities: own?.capabilities?.add ?? [],
    dropCapabilities: own?.capabilities?.drop ?? [],
    seccompProfile:
      profile?.type === 'Localhost' ? join(seccompDir, profile.localhostProfile ?? '') : (profile?.type ?? 'Unconfined'),
    ...(appArmor && {
      appArmorProfile: appArmor.type === 'Localhost' ? (appArmor.localhostProfile ?? '') : appArmor.type,
    }),
    ...(own?.procMount === 'Unmasked' && { unmaskedProc: true }),
  };
}

function refuseRoot(pod: Pod, container: Container, uid: number | undefined, image: ImageStatus): void {
  const where = `(pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`;
  if (uid === 0) throw new KeelsonError('BadRequest', `container's runAsUser breaks non-root policy ${where}`);
  if (uid !== undefined) return;
  const user = image.user.split(':')[0] ?? '';
  if (user === '' || user === '0' || user === 'root') {
    throw new KeelsonError('BadRequest', `container has runAsNonRoot and image will run as root ${where}`);
  }
  if (!/^\d+$/.test(user)) {
    throw new KeelsonError(
      'BadRequest',
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    );
  }
}
