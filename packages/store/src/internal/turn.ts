/** Lets the event loop do what else is waiting: input, timers and other work. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
