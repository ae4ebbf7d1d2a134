export { failureStatus, exitStatus, readExitStatus } from './exit-status.ts';
export { handlePortForwardUpgrade, PORT_FORWARD_TUNNEL } from './port-forward.ts';
export { CHANNEL, handleRemoteCommandUpgrade, REMOTE_COMMAND_PROTOCOLS } from './remote-command.ts';
export type { PortForwardTarget, RemoteCommand, RemoteSession } from './remote-session.ts';
export { WebSocketChannels, type ChannelEncoding, type WebSocketChannelsOptions } from './websocket-channels.ts';
