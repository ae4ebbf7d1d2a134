#!/usr/bin/env node
// copy.ts to|from POD CONTAINER SOURCE TARGET: copies the files of a directory into a container, or a file out of it.
import { Cp, KubeConfig } from '@kubernetes/client-node';

const [direction, pod = '', container = '', source = '', target = ''] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromDefault();
const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
const cp = new Cp(config);

// It does not wait for the end; the program does, since its connection is open.
if (direction === 'to') await cp.cpToPod(namespace, pod, container, source, target);
else await cp.cpFromPod(namespace, pod, container, source, target, '/tmp');
