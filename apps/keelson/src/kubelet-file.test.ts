import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { kubeletOf } from './kubelet-file.ts';

async function fileWith(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-file-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'kubelet.yaml'), text);
  return join(directory, 'kubelet.yaml');
}

const HEAD = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

it('reads what kubelets do differently', async () => {
  expect(await kubeletOf(await fileWith(`${HEAD}maxPods: 20\ncontainerLogMaxSize: 1Mi\n`))).toEqual({
    maxPods: 20,
    containerLogMaxSize: '1Mi',
  });
});

it.each(['maxPods: 20', `${HEAD}nosuch: 1`, `${HEAD}maxPods: [`])('names the file that it cannot take: %j', async (text) => {
  const file = await fileWith(text);

  await expect(kubeletOf(file)).rejects.toThrow(`Cannot take "${file}" for kubelets: `);
});
