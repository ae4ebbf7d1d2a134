import { createHook } from 'node:async_hooks';

const pending = new Set<number>();
// `process.getActiveResourcesInfo()` would be simpler, but leaves out writing a file and closing one.
createHook({
  trackPromises: false,
  init: (id, type) => void (/^(FSREQ|FILEHANDLECLOSEREQ)/.test(type) && pending.add(id)),
  after: (id) => void pending.delete(id),
}).enable();

/** File access takes real time, while a test's clock stands still. Resolves when none has been going on for some turns of the event loop. */
export async function filesIdle(): Promise<void> {
  for (let quiet = 0; quiet < 5;) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = pending.size > 0 ? 0 : quiet + 1;
  }
}
