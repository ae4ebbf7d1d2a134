import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { ContainerConfig } from '@keelson/runtime';

type Security = ContainerConfig['security'];

/** Rejects with `BadRequest`. A runtime takes any name for a profile, and finds out when the container is to start. */
export async function checkSeccompProfile({ seccompProfile: profile, privileged }: Security): Promise<void> {
  if (privileged || profile === 'RuntimeDefault' || profile === 'Unconfined') return;
  if (!profile.startsWith('/')) {
    const known = 'RuntimeDefault, Unconfined or an absolute path is';
    throw new KeelsonError('BadRequest', `"${profile}" is no seccomp profile: ${known}`);
  }
  await access(profile, constants.R_OK).catch((cause: unknown) => {
    throw new KeelsonError('BadRequest', `cannot load seccomp profile "${profile}"`, { cause });
  });
}

/** Containerd says that there is no such user, but not which. */
export function refuseUnknownUser(cause: unknown, { user }: Security): void {
  const [name = ''] = user.split(':');
  if (name === '' || !/no users found/.test(errorMessage(cause))) return;
  throw new KeelsonError('BadRequest', `unable to find user ${name}: no users found`, { cause });
}
