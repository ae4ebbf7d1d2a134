/** What each process of the benchmark does beside its work. Until the benchmark lets go of it. */
export function tellAs(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ usedMicroseconds: user + system });
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ port });
}
