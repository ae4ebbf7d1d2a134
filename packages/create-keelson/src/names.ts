import { KeelsonError } from '@keelson/base';

/** What the files of a custom resource are called and call things. */
export interface Names {
  /** Of the project, its image and its service account: `website-operator`. */
  readonly project: string;
  /** `Website` */
  readonly kind: string;
  /** `website`, in files. */
  readonly file: string;
  /** `websites` */
  readonly plural: string;
  /** `example.com` */
  readonly group: string;
}

/** Files that a project has anyway. */
const TAKEN = new Set(['apis', 'main', 'manifests', 'operator', 'test-world']);

export function namesOf({ project, kind, group }: Pick<Names, 'project' | 'kind' | 'group'>): Names {
  check(project, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'project', 'lower-case letters, digits and dashes');
  check(kind, /^[A-Z][A-Za-z0-9]*$/, 'kind', 'a word in CamelCase, such as Website');
  check(group, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\.[a-z0-9-]+$/, 'group', 'a domain, such as example.com');
  const file = kind.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
  if (TAKEN.has(file))
    throw new KeelsonError('BadRequest', `Cannot use "${kind}" as the kind: the project has a file of that name`);
  return { project, kind, file, plural: `${kind.toLowerCase()}s`, group };
}

/** `website`, in code. */
export function variableOf(kind: string): string {
  return kind.charAt(0).toLowerCase() + kind.slice(1);
}

function check(value: string, pattern: RegExp, what: string, wanted: string): void {
  if (!pattern.test(value)) throw new KeelsonError('BadRequest', `Cannot use "${value}" as the ${what}: it has to be ${wanted}`);
}
