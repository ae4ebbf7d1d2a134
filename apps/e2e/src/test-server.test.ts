import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Deployment } from '@keelson/api/apps/v1';
import { createClient, httpsTransport, loadKubeconfig } from '@keelson/client';
import { describe, expect, it } from 'vitest';
import { KEELSON } from './testing/keelson.ts';
import { eventually } from './testing/run.ts';

const [node, main] = KEELSON;

describe('keelson test-server', () => {
  it('is a cluster that lives as long as who has started it', async () => {
    const child = spawn(node, [main, 'test-server', '--nodes', '1', '--controllers', '*'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const [, url, file = ''] = /^ready (https:\S+) kubeconfig=(.+)$/.exec(line) ?? [];
    const transport = httpsTransport(loadKubeconfig(file));
    const deployments = createClient(transport).resource(Deployment);
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
    await deployments.create({
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    });

    await eventually('the deployment is available', async () => {
      const { status } = await deployments.get({ name: 'web', namespace: 'default' });
      return status?.availableReplicas === 2;
    });
    await transport.close();
    child.stdin.end();

    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await exited).toEqual([0, null]);
    expect(existsSync(file)).toBe(false);
  });
});
