import { apiVersionOf, facts, type ResourceFact } from '@keelson/api';

/** What the tables do not say, as their source marks it elsewhere. */
const ALSO: Readonly<Record<string, string>> = {
  'v1/ComponentStatus': 'v1 ComponentStatus is deprecated in v1.19+',
  'v1/Endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};

/** The warning that comes with each request for a kind that should be used no more; `undefined` for all others. */
export function deprecationOf(fact: ResourceFact): string | undefined {
  const { kind, deprecatedIn, removedIn } = fact;
  const apiVersion = apiVersionOf(fact);
  const known = ALSO[`${apiVersion}/${kind}`];
  if (known !== undefined || deprecatedIn === undefined || minorOf(deprecatedIn) > minorOf(facts().kubernetes)) return known;
  const removal = removedIn === undefined ? '' : `, unavailable in v${removedIn}+`;
  return `${apiVersion} ${kind} is deprecated in v${deprecatedIn}+${removal}`;
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
