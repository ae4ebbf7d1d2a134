import { KeelsonError } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { ApiServer } from './api-server.ts';
import type { UserInfo } from './registry/strategy.ts';

/** As upstream's API server calls itself. */
export const API_SERVER_USER: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

/** How parts that a server is made with reach that server, once it is there. */
export class Loopback {
  #transport: Transport | undefined;

  attach(server: ApiServer): void {
    this.#transport = server.transport(API_SERVER_USER);
  }

  readonly transport = (): Transport => {
    if (!this.#transport) throw new KeelsonError('ServiceUnavailable', 'The API server is not made yet');
    return this.#transport;
  };
}
