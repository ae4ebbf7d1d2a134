import { environmentOf, NO_FILES, pathOf, type ProgramFile, type ProgramStart } from './program.ts';

/** Less than the launcher has room for; as many words as it has room for are longer. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_WORDS = 16_000;
const LETTERS: Readonly<Record<ProgramFile, string>> = { none: 'n', in: 'i', out: 'o' };

/** See `native/launcher.c`. */
export function startMessage(tag: string, start: ProgramStart): Buffer {
  const { file, args, files = NO_FILES } = start;
  const variables = Object.entries(environmentOf(start)).map(([name, value]) => `${name}=${value}`);
  const letters = files.map((each) => LETTERS[each]).join('');
  return message(['start', tag, '/', letters, String(args.length + 1), pathOf(file), ...args, ...variables]);
}

export function closeMessage(files: readonly string[]): Buffer {
  return message(['close', ...files.filter((each) => each !== '-')]);
}

function message(words: readonly string[]): Buffer {
  if (words.length > MAX_WORDS) return Buffer.alloc(MAX_MESSAGE_BYTES);
  const content = Buffer.from(words.map((word) => `${word}\0`).join(''));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(content.length);
  return Buffer.concat([head, content]);
}
