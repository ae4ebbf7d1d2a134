/** What the path of a proxy request names. */
export interface TargetName {
  /** Empty if the path does not say. */
  readonly scheme: '' | 'http' | 'https';
  readonly name: string;
  /** A number or the name of a port; empty if the path does not say. */
  readonly port: string;
}

/** Reads `name`, `name:port` or `scheme:name:port`. `undefined` for anything else. */
export function parseTargetName(text: string): TargetName | undefined {
  const parts = text.split(':');
  if (parts.length > 3) return undefined;
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (name === '' || !isScheme(scheme)) return undefined;
  return { scheme, name, port };
}

function isScheme(text: string): text is TargetName['scheme'] {
  return text === '' || text === 'http' || text === 'https';
}
