import type { Descriptions } from './shared.ts';

/** What objects of all kinds have. */
export const META: Descriptions = {
  'meta.v1.Condition': {
    '': 'One aspect of the state of an object.',
    status: '`True`, `False` or `Unknown`.',
    type: 'Which aspect, in CamelCase.',
  },
  'meta.v1.FieldsV1': {
    '': "A set of fields. Keys are `f:` and a field's name, `k:` and the keys of a list's item, or `v:` and an item's value.",
  },
  'meta.v1.LabelSelector': {
    '': 'Which objects are meant, by their labels. All requirements have to hold. An empty selector means all objects, none at all means none.',
    matchExpressions: 'Requirements that are more than equality.',
    matchLabels: 'Labels that an object must have, with these values.',
  },
  'meta.v1.LabelSelectorRequirement': {
    '': 'What must hold for one label.',
    key: 'The key of the label.',
    operator: '`In`, `NotIn`, `Exists` or `DoesNotExist`.',
    values: 'What `In` and `NotIn` compare with. Must be empty for the others.',
  },
  'meta.v1.ListMeta': {
    '': 'What every list has.',
  },
  'meta.v1.ManagedFieldsEntry': {
    '': 'Which fields one manager has set, in one way.',
    apiVersion: 'The version that the fields are named in.',
    fieldsType: 'The format of the fields: `FieldsV1`.',
    fieldsV1: 'The fields.',
    manager: 'Who has set them.',
    operation: '`Apply` for server-side apply, `Update` for all other writes.',
    subresource: 'By which subresource they were set; empty for the object itself.',
    time: 'When this set of fields last changed.',
  },
  'meta.v1.MicroTime': {
    '': 'A time with microseconds.',
  },
  'meta.v1.ObjectMeta': {
    '': 'What every object has, whatever its kind: its name, where it is, and who owns it.',
    annotations: 'Keys and values that tools keep with the object. Selectors do not look at them.',
    creationTimestamp: 'CreationTimestamp is a timestamp: when the object was created. Set by the server.',
    deletionGracePeriodSeconds: 'How many seconds the object has to end by itself once it is deleted. Can only become less.',
    deletionTimestamp: 'When the object is to be gone. Set by the server once somebody deletes the object.',
    finalizers: 'While there is one, the object is not removed: each stands for work to be done before.',
    generateName: 'If no name is given: the beginning of a name that the server completes.',
    generation: 'Counts the changes of what is wanted. Set by the server.',
    labels: 'Keys and values by which selectors find the object.',
    managedFields: 'Who has set which fields. Kept by the server.',
    name: 'Unique among the objects of a kind in a namespace. Cannot be changed.',
    namespace: 'The namespace that the object is in; empty for kinds that belong to the whole cluster. Cannot be changed.',
    ownerReferences: 'Objects that this one depends on. When all are gone, it is deleted too.',
    resourceVersion: 'Set by the server with each write. An update that names an older one is refused.',
    selfLink: 'Not set any more.',
    uid: 'Set by the server: distinguishes this object from others that had the same name.',
  },
  'meta.v1.OwnerReference': {
    '': 'An object that this one belongs to. It is in the same namespace, or in none.',
    apiVersion: 'The API version of the object.',
    blockOwnerDeletion: 'In a deletion in the foreground, the owner stays until this object is gone.',
    controller: 'The owner is what manages this object. One owner at most.',
    kind: 'The kind of the object.',
    name: 'The name of the owner.',
    uid: 'The uid of the owner: another object of the same name is not meant.',
  },
  'meta.v1.Time': {
    '': 'A time in seconds, in UTC.',
  },
  'pkg.api.resource.Quantity': {
    '': 'A number with a unit: `500m`, `1.5`, `128Mi`, `2G`.',
  },
  'pkg.runtime.RawExtension': {
    '': 'Any object, as it is.',
  },
  'pkg.util.intstr.IntOrString': {
    '': 'A number or a text: a port or its name, a count or a percentage.',
  },
};
