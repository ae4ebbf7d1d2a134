export { exitStatus, failureStatus, readExitStatus } from './exit-status.ts';
export { openPortForward, PORT_FORWARD_PROTOCOLS, type PortForwardSession } from './port-forward-client.ts';
export { handlePortForwardUpgrade, PORT_FORWARD_TUNNEL } from './port-forward.ts';
export { CHANNEL, handleRemoteCommandUpgrade, REMOTE_COMMAND_PROTOCOLS } from './remote-command.ts';
export { openRemoteProcess, REMOTE_PROCESS_PROTOCOLS, type RemoteProcess, type RemoteProcessOptions } from './remote-process.ts';
export type { PortForwardTarget, RemoteCommand, RemoteSession } from './remote-session.ts';
export { WebSocketChannels, type ChannelEncoding, type ChannelUse, type WebSocketChannelsOptions } from './websocket-channels.ts';
export { acceptWebSocketSender, handleReadUpgrade, isWebSocketUpgrade, type WebSocketSender } from './websocket-upgrade.ts';
export { webSocketAccept, webSocketKey, webSocketRequestHeaders } from './websocket/handshake.ts';
