export { writeFiles, type Files } from './files.ts';
export { helmChart } from './helm-chart.ts';
export { kustomizeBase } from './kustomize-base.ts';
export { olmBundle } from './olm-bundle.ts';
export { developmentManifests, installManifests, type OperatorPackage } from './operator-package.ts';
export { packOperator } from './package-command.ts';
