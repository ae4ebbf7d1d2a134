// Passes TCP on, by the userspace mode or as the smallest forwarder that Node can be, and tells its processor time when asked over IPC.
// Usage: forwarding-child userspace|forwarder PORT TO
import { connect, createServer } from 'node:net';
import { SystemClock } from '@keelson/base';
import { UserspaceMode } from '@keelson/proxy';
import { mapOf, servicePort } from '@keelson/proxy/testing';

const [, , kind, port, to] = process.argv;
if (kind === 'userspace') {
  const mode = new UserspaceMode({ clock: new SystemClock(), nodeAddresses: () => ['127.0.0.1'] });
  await mode.sync(mapOf(servicePort({ clusterIPs: ['127.0.0.1'], port: Number(port), endpoints: [`127.0.0.1:${to}`] })));
} else {
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: Number(to), noDelay: true });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
}
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.((user + system) / 1000);
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
