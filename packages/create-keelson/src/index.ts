export { createProject } from './create.ts';
export { namesOf, type Names } from './names.ts';
