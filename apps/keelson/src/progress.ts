/** Tells someone who waits at a terminal what is being done. */
export interface Progress {
  /** Runs one step and shows how it went. */
  step<T>(name: string, run: () => Promise<T>): Promise<T>;
}

interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Lines on `terminal` if it is one, otherwise nothing. */
export function progressOn(terminal: Terminal): Progress {
  if (!terminal.isTTY) return silentProgress;
  return {
    step: async (name, run) => {
      const began = performance.now();
      terminal.write(`· ${name}`);
      try {
        const result = await run();
        terminal.write(`\r✓ ${name} (${Math.round(performance.now() - began)} ms)\n`);
        return result;
      } catch (error) {
        terminal.write(`\r✗ ${name}\n`);
        throw error;
      }
    },
  };
}

export const silentProgress: Progress = { step: (_name, run) => run() };
