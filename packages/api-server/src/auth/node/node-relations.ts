import { keyOf, type KubernetesObject } from '@keelson/api';
import { PersistentVolume, Pod } from '@keelson/api/core/v1';
import { ResourceSlice } from '@keelson/api/resource/v1';
import { VolumeAttachment } from '@keelson/api/storage/v1';
import { Feed, type FeedDependencies, type FeedReader } from '../feed.ts';
import { NodeGraph } from './node-graph.ts';
import { reference } from './references.ts';

/** An object that is asked about. */
export interface Related {
  /** Its plural. */
  readonly resource: string;
  /** Empty for what is in none. */
  readonly namespace: string;
  readonly name: string;
}

type AnyFeed = Pick<Feed<KubernetesObject>, 'ready' | 'fresh' | 'stop'>;

/**
 * Which nodes have to do with which objects, by watches in the same process that begin with the first question that needs them. Whoever is told
 * no has been judged by all that was written until they asked; a yes may be a moment old.
 */
export class NodeRelations {
  readonly #graph = new NodeGraph();
  readonly #attachments = new Owned<VolumeAttachment>();
  readonly #slices = new Owned<ResourceSlice>();
  readonly #feeds: Readonly<Record<'pods' | 'volumes' | 'attachments' | 'slices', AnyFeed>>;

  constructor(dependencies: FeedDependencies) {
    const graph = this.#graph;
    const pods: FeedReader<Pod> = {
      put: (pod) => graph.putPod(pod),
      drop: (key) => graph.dropPod(key),
      keys: () => graph.podKeys,
    };
    const volumes: FeedReader<PersistentVolume> = {
      put: (volume) => graph.putVolume(volume),
      drop: (name) => graph.dropVolume(name),
      keys: () => graph.volumeNames,
    };
    this.#feeds = {
      pods: new Feed(Pod, dependencies, pods, 'spec.nodeName!='),
      volumes: new Feed(PersistentVolume, dependencies, volumes),
      attachments: new Feed(VolumeAttachment, dependencies, this.#attachments),
      slices: new Feed(ResourceSlice, dependencies, this.#slices),
    };
  }

  async has(node: string, asked: Related): Promise<boolean> {
    const feeds = this.#feedsFor(asked);
    if (this.#knows(node, asked)) return true;
    await Promise.all(feeds.map((feed) => feed.ready()));
    if (this.#knows(node, asked)) return true;
    await Promise.all(feeds.map((feed) => feed.fresh()));
    return this.#knows(node, asked);
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#feeds).map((feed) => feed.stop()));
  }

  #knows(node: string, { resource, namespace, name }: Related): boolean {
    if (resource === 'volumeattachments') return this.#attachments.nodeOf(name) === node;
    if (resource === 'resourceslices') return this.#slices.nodeOf(name) === node;
    return this.#graph.has(node, reference(resource, namespace, name));
  }

  #feedsFor({ resource }: Related): readonly AnyFeed[] {
    const { pods, volumes, attachments, slices } = this.#feeds;
    if (resource === 'volumeattachments') return [attachments];
    if (resource === 'resourceslices') return [slices];
    return resource === 'secrets' || resource === 'persistentvolumes' ? [pods, volumes] : [pods];
  }
}

/** Objects that name their node. */
class Owned<T extends KubernetesObject & { readonly spec: { readonly nodeName?: string | undefined } }> implements FeedReader<T> {
  readonly #nodes = new Map<string, string>();

  put(object: T): void {
    this.#nodes.set(keyOf(object), object.spec.nodeName ?? '');
  }

  drop(key: string): void {
    this.#nodes.delete(key);
  }

  keys(): Iterable<string> {
    return this.#nodes.keys();
  }

  nodeOf(key: string): string | undefined {
    return this.#nodes.get(key);
  }
}
