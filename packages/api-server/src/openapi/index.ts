export { OpenApi, type OpenApiOptions } from './open-api.ts';
export type { DocumentInfo } from './v3.ts';
