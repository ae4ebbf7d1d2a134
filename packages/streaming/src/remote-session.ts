import type { Duplex, Readable } from 'node:stream';

/** A running process with its streams, as a container runtime gives it. With a tty there is no `stderr`. */
export interface RemoteSession {
  /** Ended when the client has no more input. */
  readonly stdin: NodeJS.WritableStream | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves once the process has ended and its output has been read; rejects if that cannot be known. */
  readonly exitCode: Promise<number>;
  /** Lets go of the streams. Called once, also when the client goes away first. */
  close(): void;
}

/** What an exec or attach asks for. The streams that are true are the ones that the client opens. */
export interface RemoteCommand {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** Called once the connection stands. What it rejects with reaches the client as a `Status` on the error stream. */
  open(): Promise<RemoteSession>;
}

/** Where forwarded connections go. */
export interface PortForwardTarget {
  /** A connection to this port; owned by the caller. What it rejects with reaches the client as a text on the error stream. */
  open(port: number): Promise<Duplex>;
}
