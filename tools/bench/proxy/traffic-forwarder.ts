// The smallest TCP forwarder that Node can be, to measure the userspace mode against. Usage: traffic-forwarder PORT HOST PORT
import { connect, createServer } from 'node:net';

const [, , port, host = '', to] = process.argv;
createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host, port: Number(to), noDelay: true });
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.pipe(upstream).pipe(client);
}).listen(Number(port), '::', () => process.stdout.write('ready\n'));
