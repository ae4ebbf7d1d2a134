import { readFile } from 'node:fs/promises';
import { isReason } from '@keelson/base';
import { filters, type EngineClient } from './engine/engine-client.ts';
import type { EngineInfo, EngineVersion, HostConfig } from './engine/engine-types.ts';
import { PAUSE_IMAGE, PAUSE_LABEL, pauseDigest, pauseImage } from './pause/pause-image.ts';

/** The capabilities in the order of their bits, without the newest three, which Docker 20.10 does not know. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST ' +
  'NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE ' +
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM ' +
  'BLOCK_SUSPEND AUDIT_READ'
).split(' ');

/**
 * What this engine can do, found out when it is first needed and remembered: not every engine may give all capabilities, or make the
 * kernel spare a process. Also sees to it that the image of sandboxes is there.
 */
export class EngineAbilities {
  readonly #engine: EngineClient;
  #version: Promise<EngineVersion> | undefined;
  #info: Promise<EngineInfo> | undefined;
  #image: Promise<void> | undefined;
  #lowersOomScore: Promise<boolean> | undefined;
  #privileges: Promise<true | readonly string[]> | undefined;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  version(): Promise<EngineVersion> {
    this.#version ??= this.#engine.json<EngineVersion>({ method: 'GET', path: '/version' });
    this.#version.catch(() => (this.#version = undefined));
    return this.#version;
  }

  info(): Promise<EngineInfo> {
    this.#info ??= this.#engine.json<EngineInfo>({ method: 'GET', path: '/info' });
    this.#info.catch(() => (this.#info = undefined));
    return this.#info;
  }

  /** Loads the image of sandboxes unless it is there. */
  pauseImage(): Promise<void> {
    this.#image ??= this.#loadPauseImage();
    this.#image.catch(() => (this.#image = undefined));
    return this.#image;
  }

  /** To be called if somebody has removed the image. */
  forgetPauseImage(): void {
    this.#image = undefined;
  }

  /** Whether processes may be given a negative `oom_score_adj`. */
  lowersOomScore(): Promise<boolean> {
    this.#lowersOomScore ??= this.#starts({ OomScoreAdj: -998 });
    this.#lowersOomScore.catch(() => (this.#lowersOomScore = undefined));
    return this.#lowersOomScore;
  }

  /** `true` if the engine runs privileged containers; else the capabilities that it has to give. */
  privileges(): Promise<true | readonly string[]> {
    this.#privileges ??= this.#starts({ Privileged: true }).then(async (works) => works || (await ownCapabilities()));
    this.#privileges.catch(() => (this.#privileges = undefined));
    return this.#privileges;
  }

  async #loadPauseImage(): Promise<void> {
    const { Arch } = await this.version();
    const wanted = pauseDigest(Arch);
    const images = await this.#engine.json<readonly unknown[]>({
      method: 'GET',
      path: '/images/json',
      query: { filters: filters({ reference: [PAUSE_IMAGE], label: [`${PAUSE_LABEL}=${wanted}`] }) },
    });
    if (images.length > 0) return;
    const headers = { 'Content-Type': 'application/x-tar' };
    await this.#engine.json({ method: 'POST', path: '/images/load', query: { quiet: 1 }, body: pauseImage(Arch), headers });
  }

  /** Whether a container with these settings starts. Its program ends at once, and the engine removes it. */
  async #starts(settings: HostConfig): Promise<boolean> {
    await this.pauseImage();
    const body = {
      Image: PAUSE_IMAGE,
      Cmd: ['1'],
      User: '0',
      HostConfig: { AutoRemove: true, NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} }, ...settings },
    };
    const { Id } = await this.#engine.json<{ Id: string }>({ method: 'POST', path: '/containers/create', body });
    try {
      await this.#engine.json({ method: 'POST', path: `/containers/${Id}/start` });
      return true;
    } catch (error) {
      if (isReason(error, 'ServiceUnavailable')) throw error;
      return false;
    }
  }
}

/** Those of this process: an engine on the same machine that lacks some has no more than we have. */
async function ownCapabilities(): Promise<readonly string[]> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const bits = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_name, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}
