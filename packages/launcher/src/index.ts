export { installProgram, programFor, type ProgramBinaries } from './install-program.ts';
export type { ProgramEnd, ProgramFile, ProgramStart, StartedProgram } from './program.ts';
export { startProgram } from './start-program.ts';
