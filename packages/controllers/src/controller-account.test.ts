import { bootstrapObjects } from '@keelson/api-server';
import { nameOf } from '@keelson/api';
import { expect, it } from 'vitest';
import { builtinControllers } from './builtin-controllers.ts';
import { controllerUser } from './controller-account.ts';

const never = (): Promise<never> => Promise.reject(new Error('never'));
const ALL = builtinControllers({
  rootCa: '',
  signer: { sign: never },
  legacyTokens: { issue: never },
  bootstrapTokens: true,
  approveServing: true,
  loadBalancers: {},
  nodeCidrs: { clusterCidr: '10.244.0.0/16' },
});
const ROLES = new Set(
  bootstrapObjects({ serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined })
    .filter(({ kind }) => kind.kind.endsWith('Role'))
    .map(({ object }) => nameOf(object)),
);

it.each(Object.keys(ALL))('%s has a user with a role of its own', (name) => {
  const user = controllerUser(name);
  const account = user?.name.split(':').at(-1) ?? '';

  expect(user?.groups).not.toContain('system:masters');
  expect(ROLES).toContain(name === 'serviceaccount-token-controller' ? user?.name : `system:controller:${account}`);
});
