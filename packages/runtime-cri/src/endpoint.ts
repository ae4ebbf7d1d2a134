/** Where containerd listens, unless somebody has configured it otherwise. In a file of its own: command lines need it, without the rest. */
export const CONTAINERD_ENDPOINT = 'unix:///run/containerd/containerd.sock';
