import { isDns1035Label, isValidPortNumber } from '@keelson/api';
import type { CustomResourceConversion, ServiceReference } from '@keelson/api/apiextensions/v1';
import { X509Certificate } from 'node:crypto';
import { checkPresent } from '../../validation/checks.ts';
import { textsOf } from '../../validation/lists.ts';
import type { Field } from '../../validation/field.ts';

const STRATEGIES = ['None', 'Webhook'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

/** How versions become each other. Fields of a webhook are named as upstream's internal version names them. */
export function checkConversion(conversion: CustomResourceConversion | undefined, at: Field): void {
  if (conversion === undefined) return;
  const { strategy = '', webhook } = conversion;
  const config = at.child('webhookClientConfig');
  const versions = at.child('conversionReviewVersions');
  const reviewVersions = textsOf(webhook?.conversionReviewVersions);
  if (strategy === '') at.child('strategy').required();
  else if (!STRATEGIES.includes(strategy)) at.child('strategy').notSupported(strategy, STRATEGIES);
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (webhook?.clientConfig !== undefined) config.forbidden(why);
    if (reviewVersions.length > 0) versions.forbidden(why);
    return;
  }
  if (webhook?.clientConfig === undefined) config.required('required when strategy is set to Webhook');
  else checkClientConfig(webhook.clientConfig, config);
  checkReviewVersions(reviewVersions, versions);
}

function checkClientConfig(
  { url, service }: { url?: string | undefined; service?: ServiceReference | undefined },
  at: Field,
): void {
  if ((url === undefined) === (service === undefined)) return at.required('exactly one of url or service is required');
  if (url !== undefined) checkUrl(url, at.child('url'));
  if (service !== undefined) checkService(service, at.child('service'));
}

function checkUrl(text: string, at: Field): void {
  const form = 'desired format: https://host[/path]';
  if (!URL.canParse(text))
    return at.required(`url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI for request; ${form}`);
  const { protocol, host, username, password, hash, search } = new URL(text);
  if (protocol !== 'https:') at.invalid(protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${form}`);
  if (host === '') at.invalid(host, `host must be specified; ${form}`);
  if (username !== '' || password !== '') at.invalid(username, `user information is not permitted in the URL`);
  if (hash !== '') at.invalid(hash.slice(1), 'fragments are not permitted in the URL');
  if (search !== '') at.invalid(search.slice(1), 'query parameters are not permitted in the URL');
}

function checkService({ name, namespace, path, port }: ServiceReference, at: Field): void {
  checkPresent(name, at, 'name');
  checkPresent(namespace, at, 'namespace');
  for (const fault of port === undefined ? [] : isValidPortNumber(port))
    at.child('port').invalid(port, `port is not valid: ${fault}`);
  if (path === undefined || path === '' || path === '/') return;
  if (!path.startsWith('/')) return at.child('path').invalid(path, "must start with a '/'");
  const segments = (path.endsWith('/') ? path.slice(1, -1) : path.slice(1)).split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '') at.child('path').invalid(path, `segment[${index}] may not be empty`);
  }
}

function checkReviewVersions(versions: readonly string[], at: Field): void {
  if (versions.length === 0) return at.required();
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) at.index(index).invalid(version, 'duplicate version');
    else for (const fault of isDns1035Label(version)) at.index(index).invalid(version, fault);
  }
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    at.invalid(versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}

/** True for a text, in Base64, that holds certificates. */
export function isCaBundle(bundle: string): boolean {
  try {
    return new X509Certificate(Buffer.from(bundle, 'base64')).raw.length > 0;
  } catch {
    return false;
  }
}
