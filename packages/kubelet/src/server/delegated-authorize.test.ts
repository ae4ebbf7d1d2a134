import type { TokenReview } from '@keelson/api/authentication/v1';
import type { SubjectAccessReview } from '@keelson/api/authorization/v1';
import { KeelsonError } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type ApiCall, type ApiResponse } from '@keelson/client';
import { NEVER } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Authorize, KubeletRequest } from './contracts.ts';
import { delegatedAuthorize } from './delegated-authorize.ts';

describe('delegatedAuthorize', () => {
  let clock: ManualClock;
  let authorize: Authorize;
  let make: (anonymous: boolean) => Authorize;
  let asked: string[];
  /** As `user verb subresource`. */
  let rights: string[];
  let down: boolean;

  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    rights = ['ann get log', 'ann get proxy', 'metrics get pods'];
    down = false;
    const refuse = () => Promise.reject(new KeelsonError('NotFound', 'this server does nothing but review'));
    const client = createClient({ request, watch: () => NEVER, stream: refuse, upgrade: refuse, close: () => Promise.resolve() });
    make = (anonymous) => delegatedAuthorize({ client, clock, nodeName: 'n1', anonymous });
    authorize = make(false);
  });

  async function request({ path, body }: ApiCall): Promise<ApiResponse> {
    if (down) throw new KeelsonError('ServiceUnavailable', 'down');
    const isToken = path.endsWith('/tokenreviews');
    return {
      status: 201,
      body: isToken ? reviewToken(body as TokenReview) : reviewAccess(body as SubjectAccessReview),
      warnings: [],
    };
  }

  function reviewToken({ spec }: TokenReview): TokenReview {
    asked.push(`token ${spec.token}`);
    const user = spec.token === 'good' ? { username: 'ann', groups: ['g'] } : undefined;
    return { spec, status: { authenticated: user !== undefined, user } };
  }

  function reviewAccess({ spec }: SubjectAccessReview): SubjectAccessReview {
    const { name, resource, subresource, verb } = spec.resourceAttributes ?? {};
    asked.push(`${spec.user} ${verb} ${resource}/${subresource} ${name}`);
    return { spec, status: { allowed: rights.includes(`${spec.user} ${verb} ${subresource}`) } };
  }

  const user = (name: string, ...groups: string[]) => ({ user: { name, groups } });

  it.each<{ title: string; request: KubeletRequest; verdict: string }>([
    { title: 'somebody without a name', request: { verb: 'get', subresources: ['log'] }, verdict: 'unauthenticated' },
    {
      title: 'a token that is not accepted',
      request: { verb: 'get', subresources: ['log'], bearerToken: 'bad' },
      verdict: 'unauthenticated',
    },
    { title: 'the bearer of a token', request: { verb: 'get', subresources: ['log'], bearerToken: 'good' }, verdict: 'allowed' },
    {
      title: 'a right that is not there',
      request: { verb: 'create', subresources: ['proxy'], ...user('ann') },
      verdict: 'forbidden',
    },
    {
      title: 'a right of its own',
      request: { verb: 'get', subresources: ['pods', 'proxy'], ...user('metrics') },
      verdict: 'allowed',
    },
    {
      title: 'a right by proxy',
      request: { verb: 'get', subresources: ['configz', 'proxy'], ...user('ann') },
      verdict: 'allowed',
    },
    {
      title: 'an administrator, unasked',
      request: { verb: 'create', subresources: ['proxy'], ...user('root', 'system:masters') },
      verdict: 'allowed',
    },
  ])('judges $title', async ({ request, verdict }) => {
    expect((await authorize(request)).type).toBe(verdict);
  });

  it('asks about its own node, and remembers a yes for five minutes and a no for half a minute', async () => {
    const yes: KubeletRequest = { verb: 'get', subresources: ['log'], ...user('ann') };
    const no: KubeletRequest = { verb: 'get', subresources: ['stats'], ...user('ann') };
    for (const request of [yes, yes, no, no]) await authorize(request);
    expect(asked).toEqual(['ann get nodes/log n1', 'ann get nodes/stats n1']);

    await clock.advance(31_000);
    for (const request of [yes, no]) await authorize(request);
    await clock.advance(300_000);
    await authorize(yes);

    expect(asked.slice(2)).toEqual(['ann get nodes/stats n1', 'ann get nodes/log n1']);
  });

  it('asks once, however many callers wait for the answer', async () => {
    const request: KubeletRequest = { verb: 'get', subresources: ['log'], bearerToken: 'good' };

    expect(await Promise.all([authorize(request), authorize(request)])).toEqual([{ type: 'allowed' }, { type: 'allowed' }]);
    expect(asked).toEqual(['token good', 'ann get nodes/log n1']);
  });

  it('takes who brings nothing for anonymous only if told to, and nobody whose token is not accepted', async () => {
    rights.push('system:anonymous get healthz');
    const open = make(true);
    const request: KubeletRequest = { verb: 'get', subresources: ['healthz', 'proxy'] };

    expect(await authorize(request)).toEqual({ type: 'unauthenticated' });
    expect(await open(request)).toEqual({ type: 'allowed' });
    expect(await open({ ...request, subresources: ['proxy'] })).toEqual({ type: 'forbidden', user: 'system:anonymous' });
    expect(await open({ ...request, bearerToken: 'bad' })).toEqual({ type: 'unauthenticated' });
  });

  it('lets nobody in by default while the API server does not answer', async () => {
    down = true;

    await expect(authorize({ verb: 'get', subresources: ['log'], ...user('ann') })).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
    });
  });
});
