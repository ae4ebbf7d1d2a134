import { facts } from '@keelson/api';
import type { PathHandler } from '../request/path-handler.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { ApiResult } from '../response/api-result.ts';

/** What a server calls itself, with the version of this package: `v1.36.0+keelson-0.1.0`. */
export function gitVersion(keelsonVersion: string): string {
  return `v${facts().kubernetes.replace(/^v/, '')}.0+keelson-${keelsonVersion}`;
}

/** `/version`. */
export class VersionPath implements PathHandler {
  readonly #value: object;

  /** `keelsonVersion`: of this package. */
  constructor(keelsonVersion: string) {
    const [major = '1', minor = '36'] = facts().kubernetes.replace(/^v/, '').split('.');
    this.#value = {
      major,
      minor,
      emulationMajor: major,
      emulationMinor: minor,
      minCompatibilityMajor: major,
      minCompatibilityMinor: String(Number(minor) - 1),
      gitVersion: gitVersion(keelsonVersion),
      // Clients expect a hexadecimal number; this is git's for none.
      gitCommit: '0'.repeat(40),
      gitTreeState: 'clean',
      buildDate: '1970-01-01T00:00:00Z',
      goVersion: `node${process.versions.node}`,
      compiler: 'v8',
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    };
  }

  async handle({ path }: ApiRequest): Promise<ApiResult | undefined> {
    return path === '/version' || path === '/version/' ? { type: 'value', status: 200, value: this.#value } : undefined;
  }
}
