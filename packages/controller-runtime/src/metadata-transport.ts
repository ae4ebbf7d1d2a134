import type { ApiCall, Transport } from '@keelson/client';

const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** Asks for the metadata of objects alone, where the server can leave out the rest. */
export function metadataTransport(transport: Transport): Transport {
  const asked = (call: ApiCall, accept: string): ApiCall => (call.accept === undefined ? { ...call, accept } : call);
  return {
    request: (call) => transport.request(asked(call, isList(call) ? PARTIAL_LIST : PARTIAL)),
    watch: (call) => transport.watch(asked(call, PARTIAL)),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}

const COLLECTION = /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+)?\/[^/]+$/;

function isList({ method, path }: ApiCall): boolean {
  return method === 'GET' && COLLECTION.test(path);
}
