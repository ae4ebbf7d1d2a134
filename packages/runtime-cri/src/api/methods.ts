// The methods of `runtime.v1` that are used, with their requests and responses.
import {
  bool,
  bytes,
  int32,
  list,
  message,
  method,
  nested,
  repeated,
  safeInt64,
  string,
  stringMap,
  type GrpcMethod,
  type MessageType,
} from '@keelson/grpc';
import {
  ContainerConfig,
  ContainerStats,
  ContainerStatus,
  FilesystemUsage,
  Image,
  ImageSpec,
  LinuxResources,
  ListedContainer,
  ListedSandbox,
  PodSandboxConfig,
  SandboxStats,
  SandboxStatus,
} from './parts.ts';

const runtime = <Response, Request>(
  name: string,
  request: MessageType<unknown, Request>,
  response: MessageType<Response, never>,
): GrpcMethod<Response, Request> => method('runtime.v1.RuntimeService', name, { request, response });
const images = <Response, Request>(
  name: string,
  request: MessageType<unknown, Request>,
  response: MessageType<Response, never>,
): GrpcMethod<Response, Request> => method('runtime.v1.ImageService', name, { request, response });

const Nothing = message({});
const Id = message({ id: string(1) });
const ContainerFilter = message({ id: string(1), sandboxId: string(3), labelSelector: stringMap(4) });
const SandboxFilter = message({ id: string(1), labelSelector: stringMap(3) });
const Url = message({ url: string(1) });
const AuthConfig = message({ username: string(1), password: string(2), serverAddress: string(4) });
const Condition = message({ type: string(1), status: bool(2), reason: string(3), message: string(4) });

export const VERSION = runtime(
  'Version',
  message({ version: string(1) }),
  message({ runtimeName: string(2), runtimeVersion: string(3) }),
);
export const STATUS = runtime(
  'Status',
  message({ verbose: bool(1) }),
  message({ status: nested(1, message({ conditions: repeated(1, Condition) })), info: stringMap(2) }),
);
export const UPDATE_RUNTIME_CONFIG = runtime(
  'UpdateRuntimeConfig',
  message({ runtimeConfig: nested(1, message({ networkConfig: nested(1, message({ podCidr: string(1) })) })) }),
  Nothing,
);
export const GET_CONTAINER_EVENTS = runtime('GetContainerEvents', Nothing, message({ containerId: string(1) }));

export const RUN_POD_SANDBOX = runtime(
  'RunPodSandbox',
  message({ config: nested(1, PodSandboxConfig), runtimeHandler: string(2) }),
  Id,
);
export const STOP_POD_SANDBOX = runtime('StopPodSandbox', Id, Nothing);
export const REMOVE_POD_SANDBOX = runtime('RemovePodSandbox', Id, Nothing);
export const POD_SANDBOX_STATUS = runtime(
  'PodSandboxStatus',
  message({ id: string(1), verbose: bool(2) }),
  message({ status: nested(1, SandboxStatus), info: stringMap(2) }),
);
export const LIST_POD_SANDBOX = runtime(
  'ListPodSandbox',
  message({ filter: nested(1, SandboxFilter) }),
  message({ items: repeated(1, ListedSandbox) }),
);

export const CREATE_CONTAINER = runtime(
  'CreateContainer',
  message({ sandboxId: string(1), config: nested(2, ContainerConfig), sandboxConfig: nested(3, PodSandboxConfig) }),
  Id,
);
export const START_CONTAINER = runtime('StartContainer', Id, Nothing);
export const STOP_CONTAINER = runtime('StopContainer', message({ id: string(1), timeout: safeInt64(2) }), Nothing);
export const REMOVE_CONTAINER = runtime('RemoveContainer', Id, Nothing);
export const LIST_CONTAINERS = runtime(
  'ListContainers',
  message({ filter: nested(1, ContainerFilter) }),
  message({ containers: repeated(1, ListedContainer) }),
);
export const CONTAINER_STATUS = runtime('ContainerStatus', Id, message({ status: nested(1, ContainerStatus) }));
export const UPDATE_CONTAINER_RESOURCES = runtime(
  'UpdateContainerResources',
  message({ id: string(1), linux: nested(2, LinuxResources) }),
  Nothing,
);
export const REOPEN_CONTAINER_LOG = runtime('ReopenContainerLog', Id, Nothing);
export const LIST_CONTAINER_STATS = runtime(
  'ListContainerStats',
  message({ filter: nested(1, message({ labelSelector: stringMap(3) })) }),
  message({ stats: repeated(1, ContainerStats) }),
);

export const LIST_POD_SANDBOX_STATS = runtime(
  'ListPodSandboxStats',
  message({ filter: nested(1, message({ labelSelector: stringMap(2) })) }),
  message({ stats: repeated(1, SandboxStats) }),
);

export const EXEC_SYNC = runtime(
  'ExecSync',
  message({ id: string(1), cmd: list(2, string), timeout: safeInt64(3) }),
  message({ stdout: bytes(1), stderr: bytes(2), exitCode: int32(3) }),
);
export const EXEC = runtime(
  'Exec',
  message({ id: string(1), cmd: list(2, string), tty: bool(3), stdin: bool(4), stdout: bool(5), stderr: bool(6) }),
  Url,
);
export const ATTACH = runtime(
  'Attach',
  message({ id: string(1), stdin: bool(2), tty: bool(3), stdout: bool(4), stderr: bool(5) }),
  Url,
);
export const PORT_FORWARD = runtime('PortForward', message({ sandboxId: string(1), port: list(2, int32) }), Url);

export const LIST_IMAGES = images('ListImages', Nothing, message({ images: repeated(1, Image) }));
export const IMAGE_STATUS = images('ImageStatus', message({ image: nested(1, ImageSpec) }), message({ image: nested(1, Image) }));
export const PULL_IMAGE = images(
  'PullImage',
  message({ image: nested(1, ImageSpec), auth: nested(2, AuthConfig) }),
  message({ imageRef: string(1) }),
);
export const REMOVE_IMAGE = images('RemoveImage', message({ image: nested(1, ImageSpec) }), Nothing);
export const IMAGE_FS_INFO = images('ImageFsInfo', Nothing, message({ imageFilesystems: repeated(1, FilesystemUsage) }));
