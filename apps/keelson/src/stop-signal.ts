const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Aborts when the process is asked to end. Who asks twice does not want to wait. */
export function stopSignal(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stopped.signal.aborted) process.exit(130);
      stopped.abort(new Error(`stopped by ${signal}`));
    });
  }
  return stopped.signal;
}

/** Starts a component, says so, and runs it until the signal comes. Resolves to the exit code. */
export async function runUntil(
  stopped: AbortSignal,
  component: { start(signal: AbortSignal): Promise<void>; stop(): Promise<void> },
  started: () => void,
): Promise<number> {
  try {
    await component.start(stopped);
  } catch (error) {
    if (stopped.aborted) return 0;
    throw error;
  }
  started();
  if (!stopped.aborted) await new Promise((resolve) => stopped.addEventListener('abort', resolve, { once: true }));
  await component.stop();
  return 0;
}
