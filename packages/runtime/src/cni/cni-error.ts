import { KeelsonError } from '@keelson/base';

/** What a plugin says when it fails. Codes below 100 are the specification's. */
export interface PluginFailure {
  readonly code: number;
  readonly msg: string;
  readonly details: string;
}

/** The plugin asks to be called again a little later. */
export const TRY_AGAIN_LATER = 11;

/** A plugin has failed: which, with what, and its own words. */
export class CniError extends KeelsonError {
  /** The plugin's error code; undefined if it has said nothing that could be understood. */
  readonly cniCode: number | undefined;

  constructor(
    { plugin, network, command }: { readonly plugin: string; readonly network: string; readonly command: string },
    failure: PluginFailure | string,
  ) {
    const words = typeof failure === 'string' ? failure : [failure.msg, failure.details].filter((text) => text !== '').join('; ');
    const isPassing = typeof failure !== 'string' && failure.code === TRY_AGAIN_LATER;
    super(
      isPassing ? 'ServiceUnavailable' : 'InternalError',
      `plugin type="${plugin}" name="${network}" failed (${command.toLowerCase()}): ${words}`,
    );
    this.cniCode = typeof failure === 'string' ? undefined : failure.code;
  }
}

/** Plugins print their failure as JSON; `undefined` for anything else. */
export function failureIn(stdout: string): PluginFailure | undefined {
  try {
    const { code, msg, details } = JSON.parse(stdout) as Partial<Record<string, unknown>>;
    if (typeof code !== 'number') return undefined;
    return { code, msg: typeof msg === 'string' ? msg : '', details: typeof details === 'string' ? details : '' };
  } catch {
    return undefined;
  }
}
