import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { KeelsonError } from '@keelson/base';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient } from './engine/engine-client.ts';
import { jsonLines } from './engine/json-lines.ts';

/** A large image takes an engine a while. */
const TIMEOUT_MS = 600_000;

/** Takes the images of a file of `docker save` into an engine; gives what they are called. `host` as `DockerRuntime` has it. */
export async function loadImages(file: string, host?: string): Promise<readonly string[]> {
  await access(file).catch(() => {
    throw new KeelsonError('NotFound', `Cannot read "${file}"`);
  });
  const engine = new EngineClient(engineAddress(host));
  try {
    const headers = { 'Content-Type': 'application/x-tar' };
    const call = { method: 'POST', path: '/images/load', timeoutMs: TIMEOUT_MS, isLong: true, headers } as const;
    const answer = await engine.open({ ...call, query: { quiet: 1 }, body: createReadStream(file) });
    const names: string[] = [];
    for await (const { error, stream = '' } of jsonLines<{ readonly error?: string; readonly stream?: string }>(answer)) {
      if (error !== undefined) throw new KeelsonError('BadRequest', `Cannot load images of "${file}": ${error}`);
      const name = /^Loaded image(?: ID)?: (\S+)/.exec(stream)?.[1];
      if (name !== undefined) names.push(name);
    }
    return names;
  } finally {
    engine.close();
  }
}
