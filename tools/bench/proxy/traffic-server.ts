// Sends back all that it gets. Usage: traffic-server PORT
import { createServer } from 'node:net';

createServer({ noDelay: true }, (socket) => socket.on('error', () => undefined).pipe(socket)).listen(
  Number(process.argv[2]),
  '::',
  () => process.stdout.write('ready\n'),
);
