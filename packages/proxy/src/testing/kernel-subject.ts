import type { ProxyMode } from '../proxy-mode.ts';
import type { IpFamily } from '../service-map.ts';
import type { ModeUnderTest } from './mode-cases.ts';

/** A mode that runs in the process of the test and changes the node by its programs. `make` is called for each life. */
export function modeUnderTest(make: (family: IpFamily) => ProxyMode, family: IpFamily = 'IPv4'): ModeUnderTest {
  let mode = make(family);
  return {
    sync: (map, full = false) => mode.sync(map, { full }),
    restart: async () => {
      await mode.close();
      mode = make(family);
    },
    cleanup: () => mode.cleanup(),
  };
}
