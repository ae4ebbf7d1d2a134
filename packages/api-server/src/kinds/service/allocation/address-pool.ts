import { formatTime, parseJson, addressText, addressOf, familyOf, type IpFamily } from '@keelson/api';
import type { IPAddress, ServiceCIDR } from '@keelson/api/networking/v1';
import type { Clock } from '@keelson/base';
import type { Key, Put, Store } from '@keelson/store';
import { storageKind } from '../../../storage/storage-kind.ts';
import { encode } from '../../../storage/stored-object.ts';
import { ADDRESS_PREFIX, addressRange, type AddressRange } from './address-range.ts';
import { NumberChooser, type Random } from './number-chooser.ts';

const RANGE_PREFIX = '/registry/servicecidrs/';
const KIND = storageKind('networking.k8s.io', 'v1', 'IPAddress');

export interface AddressPoolOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** The ranges of the cluster, one or one of each family; the first one's family is the default. */
  readonly cidrs: readonly string[];
}

/** The addresses of the cluster's own ranges and of those that are added by ServiceCIDRs. Each one that is held is an IPAddress. */
export class AddressPool {
  /** The first one is that of Services that do not say. */
  readonly families: readonly IpFamily[];
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #chooser: NumberChooser;
  readonly #own: readonly AddressRange[];

  constructor({ store, clock, random, cidrs }: AddressPoolOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#chooser = new NumberChooser(store, random);
    this.#own = cidrs.map(addressRange);
    this.families = this.#own.map(({ family }) => family);
  }

  /** Why a Service can't have `address`, if it can't. */
  async problem(address: string): Promise<string | undefined> {
    const ranges = await this.#ranges();
    if (!ranges.some((range) => range.contains(address))) return 'the provided network does not match the current range';
    const isHeld = (await this.#store.get(addressKey(address))) !== undefined;
    return isHeld ? 'provided IP is already allocated' : undefined;
  }

  /** An address that nobody holds; none if all ranges of the family are full. */
  async choose(family: IpFamily): Promise<string | undefined> {
    for (const range of await this.#ranges()) {
      if (range.family !== family) continue;
      const number = await this.#chooser.choose(range);
      if (number !== undefined) return range.address(number);
    }
    return undefined;
  }

  /** The write that makes `service` the holder of `address`. */
  hold(address: string, service: { readonly namespace: string; readonly name: string }): Put {
    const object: IPAddress = {
      metadata: {
        name: addressText(addressOf(address)),
        uid: crypto.randomUUID(),
        creationTimestamp: formatTime(this.#clock.now()),
        labels: {
          'ipaddress.kubernetes.io/ip-family': familyOf(address),
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { group: '', resource: 'services', ...service } },
    };
    return { type: 'put', key: addressKey(address), value: encode(KIND, object) };
  }

  /** Own ranges, then those of ServiceCIDRs that are not about to go. */
  async #ranges(): Promise<readonly AddressRange[]> {
    const { entries } = await this.#store.range(RANGE_PREFIX);
    const known = new Set(this.#own.map(({ cidr }) => cidr));
    const added: AddressRange[] = [];
    for (const { value } of entries) {
      // Written by the API server itself, after validation.
      const { metadata, spec } = parseJson(Buffer.from(value).toString()) as ServiceCIDR;
      if (metadata?.deletionTimestamp !== undefined) continue;
      for (const cidr of spec?.cidrs ?? []) {
        if (known.has(cidr)) continue;
        known.add(cidr);
        added.push(addressRange(cidr));
      }
    }
    return added.length === 0 ? this.#own : [...this.#own, ...added];
  }
}

export function addressKey(address: string): Key {
  return ADDRESS_PREFIX + addressText(addressOf(address));
}
