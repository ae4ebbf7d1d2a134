import type { Job } from './load-tool.ts';

/** A row of the results. */
export interface Case {
  readonly name: string;
  readonly job: Job;
  /** What an operation should cost at most, in echoes. */
  readonly aim?: number;
  /** What it costs kube-apiserver 1.20 with etcd 3.4, in echoes. */
  readonly peer?: number;
  /** Only to make what the next cases work on. */
  readonly isSetup?: true;
}

/** Cases that are run one after the other on a server of their own. */
export interface Part {
  readonly name: string;
  readonly cases: (count: number) => readonly Case[];
  /** Needs controllers and a scheduler. */
  readonly needsCluster?: true;
}

const CLIENTS = 16;
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const BY_LABEL = `labelSelector=${encodeURIComponent('app=app-07')}`;
const BY_NODE = `fieldSelector=${encodeURIComponent('spec.nodeName=node-00007')}`;

function pods(count: number): readonly Case[] {
  const on = (work: string): Job => ({ work, namespace: 'crud', clients: CLIENTS, count });
  return [
    { name: 'create a pod', job: on('create'), aim: 15, peer: 92 },
    { name: 'get a pod', job: { ...on('get'), seconds: 3 }, aim: 2, peer: 22 },
    { name: 'update a pod', job: on('update'), aim: 20, peer: 137 },
    { name: 'patch a pod, JSON', job: on('patch-json'), aim: 20, peer: 150 },
    { name: 'patch a pod, merge', job: on('patch-merge'), aim: 20, peer: 150 },
    { name: 'patch a pod, strategic', job: on('patch-strategic'), aim: 20, peer: 150 },
    { name: 'apply a pod, server-side', job: on('apply'), aim: 25, peer: 141 },
    { name: 'delete a pod', job: on('delete'), aim: 15, peer: 126 },
  ];
}

function configMaps(count: number): readonly Case[] {
  const on = (work: string): Job => ({ work, kind: 'configmaps', namespace: 'maps', clients: CLIENTS, count });
  return [
    { name: 'create a ConfigMap', job: on('create'), aim: 8, peer: 36 },
    { name: 'get a ConfigMap', job: { ...on('get'), seconds: 3 }, aim: 1.5, peer: 13 },
    { name: 'update a ConfigMap', job: on('update'), aim: 8, peer: 41 },
    { name: 'delete a ConfigMap', job: on('delete') },
  ];
}

function gets(count: number): readonly Case[] {
  const on = (clients: number): Job => ({ work: 'get', namespace: 'get', clients, count, seconds: 3 });
  return [
    { name: 'pods to get', job: { ...on(CLIENTS), work: 'create', seconds: 0 }, isSetup: true },
    { name: 'get a pod, 1 client', job: on(1) },
    { name: 'get a pod, 16 clients', job: on(16), aim: 2, peer: 22 },
    { name: 'get a pod, 64 clients', job: on(64), aim: 2, peer: 22 },
    { name: 'get /version, 64 clients', job: { work: 'read', path: '/version', clients: 64, seconds: 3 } },
  ];
}

function lists(): readonly Case[] {
  const namespace = 'list';
  const list: Job = { work: 'list', namespace, seconds: 3 };
  return [
    { name: 'pods to list', job: { work: 'create', namespace, clients: CLIENTS, count: 5000, nodes: 100 }, isSetup: true },
    { name: 'list 5,000 pods', job: list, aim: 3000, peer: 33_000 },
    { name: 'list 5,000 pods, resourceVersion=0', job: { ...list, query: 'resourceVersion=0' }, aim: 3000, peer: 13_000 },
    { name: 'list 5,000 pods, pages of 500', job: { ...list, limit: 500 } },
    { name: 'list 5,000 pods in protobuf', job: { ...list, accept: PROTOBUF } },
    { name: 'list 5,000 pods as a table', job: { ...list, accept: TABLE }, aim: 6000, peer: 31_000 },
    { name: 'list 100 of 5,000 pods by label', job: { ...list, query: BY_LABEL }, aim: 150, peer: 15_700 },
    { name: 'list 50 of 5,000 pods by node', job: { ...list, query: BY_NODE }, aim: 75, peer: 13_800 },
  ];
}

function watches(): readonly Case[] {
  const watch = (watchers: number, count: number, rate: number): Job => ({
    work: 'watch',
    namespace: `watch-${watchers}-${rate}`,
    clients: CLIENTS,
    watchers,
    count,
    rate,
  });
  return [
    { name: 'an event to 1 watcher, 500 writes/s', job: watch(1, 2000, 500) },
    { name: 'an event to each of 100 watchers, 50 writes/s', job: watch(100, 300, 50) },
    { name: 'an event to each of 100 watchers, saturated', job: watch(100, 2000, 0), aim: 0.8, peer: 4.2 },
    { name: 'an event to each of 1,000 watchers, saturated', job: watch(1000, 500, 0), aim: 0.8, peer: 3.1 },
  ];
}

function memory(): readonly Case[] {
  const on = (work: string): Job => ({ work, namespace: 'memory', clients: CLIENTS, count: 10_000 });
  return [
    { name: 'nothing stored', job: { work: 'read', path: '/version', seconds: 1 } },
    { name: '10,000 pods', job: on('create') },
    { name: '10,000 pods, each changed', job: on('patch-merge') },
    { name: '10,000 pods, each changed twice', job: on('patch-merge') },
    { name: '10,000 pods, each changed three times', job: on('patch-merge') },
  ];
}

function scale(count: number): readonly Case[] {
  const to = (until: 'created' | 'bound'): Job => ({ work: 'scale', namespace: `scale-${until}`, count, workloads: 10, until });
  return [
    { name: 'nodes', job: { work: 'nodes', count: 1000, clients: CLIENTS }, isSetup: true },
    { name: 'a pod of a Deployment bound, 1,000 nodes', job: to('bound'), aim: 60, peer: 700 },
  ];
}

export const PARTS: readonly Part[] = [
  { name: 'crud', cases: pods },
  { name: 'configmaps', cases: configMaps },
  { name: 'get', cases: gets },
  { name: 'list', cases: lists },
  { name: 'watch', cases: watches },
  { name: 'memory', cases: memory },
  { name: 'scale', cases: scale, needsCluster: true },
];
