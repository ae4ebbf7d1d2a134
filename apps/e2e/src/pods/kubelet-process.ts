import { silentLogger as logger, SystemClock } from '@keelson/base';
import { Pod, Service } from '@keelson/api/core/v1';
import { createClient, httpsTransport } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { Kubelet } from '@keelson/kubelet';
import { DockerRuntime } from '@keelson/runtime-docker';

/** A kubelet on Docker as a process of its own, to be killed: API server, engine, its cgroup, its directory. */
const [server = '', host = '', cgroupRoot = '', rootDir = ''] = process.argv.slice(2);
const nodeName = 'node-1';
const clock = new SystemClock();
const client = createClient(httpsTransport({ server, namespace: 'default' }));
const informers = new InformerFactory({ client, clock, logger });
const events = new EventRecorder({ client, clock, logger, component: 'kubelet', host: nodeName });
const runtime = new DockerRuntime({ clock, host, cgroupRoot });
const pods = informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
const deps = { client, clock, logger, events, runtime, pods, services: informers.for(Service) };
const kubelet = new Kubelet(deps, { nodeName, rootDir, serving: false, capacity: { cpu: '64', memory: '64Gi' } });

const { signal } = new AbortController();
await informers.start(signal);
await kubelet.start(signal);
process.stdout.write('ready\n');
