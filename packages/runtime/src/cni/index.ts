export { cniAvailable, type CniAvailability } from './cni-available.ts';
export { CniError } from './cni-error.ts';
export { CNI_CONFIG_DIR, CNI_PLUGIN_DIRS, CniNetwork, type CniNetworkOptions } from './cni-network.ts';
export { defaultNetwork, type DefaultNetworkOptions } from './default-network.ts';
export { loadNetworkConfig, parseNetworkConfig, type NetworkConfig, type PluginConfig } from './network-config.ts';
