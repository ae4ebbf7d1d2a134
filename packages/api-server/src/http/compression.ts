import { createGzip, constants, type Gzip } from 'node:zlib';

/** Bodies from this size up are compressed for clients that ask for it. */
export const GZIP_MIN_BYTES = 128 * 1024;

/** A fast compressor: lists are large and networks are near. */
export function gzip(): Gzip {
  return createGzip({ level: constants.Z_BEST_SPEED });
}

/** True if the client takes gzip. */
export function takesGzip(acceptEncoding: string | string[] | undefined): boolean {
  if (acceptEncoding === undefined) return false;
  return String(acceptEncoding)
    .split(',')
    .some((entry) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$)[\d.]+\s*)?$/i.test(entry));
}
