export {
  LOCAL_PATH_CLASS,
  LOCAL_PATH_PROVISIONER,
  localPathProvisioner,
  type LocalPathOptions,
} from './local-path-provisioner.ts';
