import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, encode, type Answer, type DecodedPacket, type Packet, type RecordType } from 'dns-packet';
import { frame, FrameReader } from '../wire/frames.ts';

/** A question as a stub resolver sends it. */
export function question(name: string, type: string, more: Packet = {}): Buffer {
  return encode({ type: 'query', id: 4_242, flags: 0x0100, questions: [{ name, type: type as RecordType }], ...more });
}

/** That a client can take packets of that size. */
export function edns(udpPayloadSize: number, ednsVersion = 0): Packet {
  const opt = { type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion, flags: 0, flag_do: false } as const;
  return { additionals: [{ ...opt, options: [] }] };
}

/** The first packet that comes back. */
export async function sendUdp(port: number, packet: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(30_000) });
    socket.send(packet, port, '127.0.0.1');
    const [message] = (await answer) as [Buffer];
    return message;
  } finally {
    socket.close();
  }
}

/** As many messages as were sent, in the order in which they come back. */
export async function sendTcp(port: number, packets: readonly Buffer[]): Promise<Buffer[]> {
  const socket = connect(port, '127.0.0.1');
  const reader = new FrameReader();
  const messages: Buffer[] = [];
  for (const packet of packets) socket.write(frame(packet));
  for await (const chunk of socket) {
    messages.push(...reader.push(chunk as Buffer));
    if (messages.length >= packets.length) break;
  }
  return messages;
}

export async function ask(port: number, name: string, type: string, more?: Packet): Promise<DecodedPacket> {
  return decode(await sendUdp(port, question(name, type, more)));
}

export function rcodeOf(packet: DecodedPacket): number {
  return (packet.flags ?? 0) & 0xf;
}

/** Records as `NAME TYPE DATA`. */
export function texts(records: readonly Answer[] = []): string[] {
  return records.filter((record) => record.type !== 'OPT').map((record) => `${record.name} ${record.type} ${dataText(record)}`);
}

function dataText(record: Answer): string {
  switch (record.type) {
    case 'SRV':
      return `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
    case 'TXT':
      return String(record.data);
    case 'SOA':
      return `${record.data.mname} ${record.data.rname} ${record.data.minimum}`;
    case 'HINFO':
      return record.data.cpu;
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return record.data;
  }
  return '';
}
