export { etcdOptionsOf } from './etcd-url.ts';
export { EtcdStore } from './etcd-store.ts';
export type { EtcdStoreOptions, EtcdTls } from './options.ts';
