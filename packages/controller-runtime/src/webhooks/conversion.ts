import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import type { ConversionReview } from '@keelson/api/apiextensions/v1';
import { errorMessage, KeelsonError } from '@keelson/base';

/** How objects of one version become those of the hub, and back. Neither changes its argument. Both must keep what the other version cannot say. */
export interface Spoke<Hub extends KubernetesObject, S extends KubernetesObject> {
  toHub(object: S): Hub;
  fromHub(hub: Hub): S;
}

interface AnySpoke<Hub extends KubernetesObject> {
  toHub(object: never): Hub;
  fromHub(hub: Hub): KubernetesObject;
}

/** The versions of a kind, each of which can be made of the hub. */
export interface Conversion {
  readonly group: string;
  readonly kind: string;
  /** Plural: the CustomResourceDefinition is `<resource>.<group>`. */
  readonly resource: string;
  readonly path: string;
  convert(object: KubernetesObject, version: string): KubernetesObject;
  review(review: ConversionReview): Promise<ConversionReview>;
}

export interface ConversionOptions<Hub extends KubernetesObject> {
  readonly group: string;
  readonly kind: string;
  readonly resource: string;
  /** The version that all others are converted by; best the one that is stored. */
  readonly hub: string;
  /** By version, without the hub; each with a type of its own. */
  readonly spokes: Readonly<Record<string, AnySpoke<Hub>>>;
}

/** Conversion between the versions of a custom resource, by way of one of them: with n versions, n - 1 pairs of functions. */
export function defineConversion<Hub extends KubernetesObject>(options: ConversionOptions<Hub>): Conversion {
  const { group, kind, resource } = options;
  const convert = (object: KubernetesObject, version: string): KubernetesObject => convertObject(options, object, version);
  return {
    group,
    kind,
    resource,
    path: `/convert-${group.replaceAll('.', '-')}-${kind.toLowerCase()}`,
    convert,
    review: async (review) => answer(review, convert),
  };
}

function convertObject<Hub extends KubernetesObject>(
  { group, kind, hub, spokes }: ConversionOptions<Hub>,
  object: KubernetesObject,
  version: string,
): KubernetesObject {
  const from = object.apiVersion?.split('/').at(-1) ?? '';
  if (object.kind !== kind) throw new KeelsonError('BadRequest', `Cannot convert a "${object.kind}": only ${kind} is known`);
  if (from === version) return object;
  const spokeOf = (name: string): Spoke<Hub, KubernetesObject> => {
    const spoke = spokes[name];
    if (!spoke)
      throw new KeelsonError('BadRequest', `Cannot convert ${kind} from "${from}" to "${version}": "${name}" is not known`);
    // Objects of this version are what it takes and gives.
    return spoke as unknown as Spoke<Hub, KubernetesObject>;
  };
  const middle = from === hub ? (object as Hub) : spokeOf(from).toHub(object);
  const result: KubernetesObject = version === hub ? middle : spokeOf(version).fromHub(middle);
  // Only labels and annotations may be changed by a conversion.
  const { labels, annotations } = result.metadata ?? {};
  const metadata = { ...object.metadata, labels, annotations };
  return { ...result, apiVersion: apiVersionOf({ group, version }), kind, metadata };
}

function answer(
  { apiVersion, kind, request }: ConversionReview,
  convert: (object: KubernetesObject, version: string) => KubernetesObject,
): ConversionReview {
  if (request?.uid === undefined)
    throw new KeelsonError('BadRequest', 'Cannot answer: a ConversionReview with a request is wanted');
  const version = request.desiredAPIVersion?.split('/').at(-1) ?? '';
  const { uid } = request;
  try {
    const objects = (request.objects ?? []) as readonly KubernetesObject[];
    const convertedObjects = objects.map((object) => convert(object, version)) as never[];
    return { apiVersion, kind, response: { uid, convertedObjects, result: { status: 'Success' } } };
  } catch (error) {
    return {
      apiVersion,
      kind,
      response: { uid, convertedObjects: [], result: { status: 'Failure', message: errorMessage(error) } },
    };
  }
}
