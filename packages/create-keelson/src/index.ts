export type { Change } from './bring.ts';
export { addApi, addWebhook, createProject, updateProject } from './create.ts';
export { namesOf, type Names } from './names.ts';
