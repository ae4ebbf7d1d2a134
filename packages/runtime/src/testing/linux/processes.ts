import { eventually } from '@keelson/base/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SandboxStatus } from '../../container-runtime.ts';
import { FOREVER, HUNGRY } from '../configs.ts';
import { type Harness } from '../harness.ts';

export function describeProcesses(harness: Harness): void {
  describe('processes', () => {
    let box: SandboxStatus;

    beforeAll(async () => {
      box = await harness.runtime.runSandbox(harness.sandboxConfig());
    });

    it.each(['/nosuch', 'nosuch', '/etc'])('says why the program "%s" cannot be started', async (program) => {
      const config = harness.scriptConfig('', { container: { command: [program] } });
      const id = await harness.runtime.createContainer(box.id, config);

      await expect(harness.runtime.startContainer(id)).rejects.toMatchObject({ reason: 'BadRequest' });

      const status = await harness.runtime.containerStatus(id);
      const message = expect.stringContaining(program);
      expect(status).toMatchObject({
        state: 'exited',
        reason: expect.stringMatching(/^(ContainerCannotRun|StartError)$/),
        message,
      });
      expect([126, 127, 128]).toContain(status.exitCode);
      expect((await harness.runtime.listContainers()).find((each) => each.id === id)).toEqual(status);
    });

    it.each([
      { script: 'kill -9 $$', why: 'the kernel spares the first process of a namespace', exitCode: 0 },
      { script: 'sh -c "kill -9 \\$\\$"; exit $?', why: 'of a child', exitCode: 137 },
      { script: 'sh -c "kill -15 \\$\\$"; exit $?', why: 'of a child', exitCode: 143 },
    ])('ends with $exitCode after "$script" ($why)', async ({ script, exitCode }) => {
      const { id } = await harness.runScript(script, { in: box });

      expect(await harness.ended(id)).toMatchObject({ exitCode });
    });

    harness.test('says when a container was killed for using too much memory', async () => {
      const { id } = await harness.runScript(HUNGRY, {
        in: box,
        container: { resources: { memoryLimitBytes: 8 * 1024 * 1024 } },
      });

      expect(await harness.ended(id)).toMatchObject({ exitCode: 137 });
      // Engines hear of the end and of why on different ways.
      await eventually(async () => (await harness.runtime.containerStatus(id)).reason === 'OOMKilled');
    });

    harness.test('has the environment, directory and home that are asked for, line breaks and all', async () => {
      const env = [
        { name: 'SEVERAL', value: 'two\nlines' },
        { name: 'ODD', value: ' "quoted" #no comment $NOTHING ' },
        { name: 'EMPTY', value: '' },
      ];
      const { id } = await harness.runScript('pwd; echo "$SEVERAL|$ODD|$EMPTY|$HOME"', {
        in: box,
        container: { env, workingDir: '/not/there/yet' },
      });

      await harness.ended(id);
      expect(await harness.logOf(id)).toBe('/not/there/yet\ntwo\nlines| "quoted" #no comment $NOTHING ||/root\n');
    });

    harness.test('runs commands where the container’s own process was started', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box, container: { workingDir: '/var' } });

      expect(await harness.outputOf(id, 'pwd')).toBe('/var');
    });

    harness.test('stops a process by the signal that it wants', async () => {
      const { id } = await harness.runScript("trap 'exit 41' USR1; echo ready; while true; do sleep 0.05; done", {
        in: box,
        container: { stopSignal: 'SIGUSR1' },
      });
      await eventually(async () => (await harness.logOf(id)) === 'ready\n');

      await harness.runtime.stopContainer(id, 20);

      expect(await harness.runtime.containerStatus(id)).toMatchObject({ exitCode: 41 });
    });

    harness.test('keeps what was written to both outputs, and long lines as one with one time', async () => {
      const script = 'yes | tr -d "\\n" | head -c 50000; echo; echo next; sleep 0.1; echo bad >&2';
      const { id } = await harness.runScript(script, { in: box });
      await harness.ended(id);

      const lines = (await harness.logOf(id, { timestamps: true })).trimEnd().split('\n');
      expect(lines.map((line) => line.replace(/^\S+Z /, '').length).toSorted()).toEqual([3, 4, 50_000]);
      expect(await harness.logOf(id, { stream: 'stderr' })).toBe('bad\n');
    });

    harness.test('follows a log to the end of the container', async () => {
      const { id } = await harness.runScript('echo one; sleep 1; echo two >&2; exit 1', { in: box });

      expect(await harness.logOf(id, { follow: true })).toBe('one\ntwo\n');
    });

    harness.test('stops following when it is told to', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box });
      const log = await harness.runtime.logs(id, { follow: true, timestamps: false });
      log.resume();

      log.destroy();

      await eventually(() => log.closed);
    });

    harness.test('changes limits of a running container', async () => {
      const mebibytes = (count: number) => ({ memoryLimitBytes: count * 1024 * 1024 });
      const { id } = await harness.runScript(FOREVER, { in: box, container: { resources: mebibytes(32) } });

      await harness.runtime.updateResources(id, { ...mebibytes(64), cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000 });
      await harness.runtime.updateResources(id, mebibytes(16));

      const stats = (await harness.runtime.stats()).find(({ containerId }) => containerId === id);
      expect(stats?.memoryUsageBytes).toBeGreaterThan(0);
    });

    harness.test('starts what asks to be killed last, also where the machine does not allow that', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box, container: { resources: { oomScoreAdj: -997 } } });

      expect(['0', '-997']).toContain(await harness.outputOf(id, 'cat', '/proc/1/oom_score_adj'));
    });

    harness.test('finds a command’s program as the container’s own, and says so if there is none', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box });

      const { exitCode, stdout, stderr } = await harness.runtime.execSync(id, ['nosuch'], 60_000);

      expect(exitCode).toBeGreaterThan(125);
      expect(Buffer.concat([stdout, stderr]).toString()).toContain('"nosuch": executable file not found');
    });

    harness.test('kills a command that takes too long, or that nobody waits for any more', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box });

      await expect(harness.runtime.execSync(id, ['sleep', '987'], 300)).rejects.toMatchObject({ reason: 'Timeout' });
      const given = harness.runtime.execSync(id, ['sleep', '986'], 60_000, AbortSignal.timeout(200));
      await expect(given).rejects.toMatchObject({ name: 'TimeoutError' });

      await eventually(async () => !/sleep 98[67]/.test(await harness.outputOf(id, 'ps')));
    });

    harness.test('keeps no more than the first megabyte of a command’s output', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box });

      const { exitCode, stdout } = await harness.runtime.execSync(id, ['sh', '-c', 'yes | head -c 3000000'], 60_000);

      expect([exitCode, stdout.length]).toEqual([0, 1024 * 1024]);
    });
  });
}
