import { createHash } from 'node:crypto';
import { KeelsonError } from '@keelson/base';
import { PAUSE_BINARIES } from './pause-binaries.ts';
import { tar } from './tar.ts';

export const PAUSE_IMAGE = 'keelson/pause:1';
/** Says in the image which program it holds. */
export const PAUSE_LABEL = 'io.keelson.pause';

/** The program's digest for this architecture (as Docker names it). */
export function pauseDigest(architecture: string): string {
  return sha256(binary(architecture));
}

/** An archive for `POST /images/load` with `PAUSE_IMAGE`, so that sandboxes need no registry. */
export function pauseImage(architecture: string): Buffer {
  const layer = tar([{ name: 'pause', content: binary(architecture), mode: 0o755 }]);
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { Entrypoint: ['/pause'], User: '65535:65535', Labels: { [PAUSE_LABEL]: pauseDigest(architecture) } },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created: '1970-01-01T00:00:00Z' }],
    }),
  );
  const name = `${sha256(config)}.json`;
  const manifest = Buffer.from(JSON.stringify([{ Config: name, RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }]));
  return tar([
    { name: 'manifest.json', content: manifest, mode: 0o644 },
    { name, content: config, mode: 0o644 },
    { name: 'layer.tar', content: layer, mode: 0o644 },
  ]);
}

function binary(architecture: string): Buffer {
  const base64 = PAUSE_BINARIES[architecture];
  if (base64 === undefined) {
    const known = Object.keys(PAUSE_BINARIES).join(', ');
    throw new KeelsonError('ServiceUnavailable', `No ${PAUSE_IMAGE} for "${architecture}": there is one for ${known}`);
  }
  return Buffer.from(base64, 'base64');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
