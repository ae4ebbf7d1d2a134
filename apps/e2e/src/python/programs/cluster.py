"""What the programs beside this one share: a client of the cluster that $KUBECONFIG names, and a namespace to work in."""
import os
import time

from kubernetes import client, config

config.load_kube_config()
NAMESPACE = os.environ["NS"]
core = client.CoreV1Api()
apps = client.AppsV1Api()


def config_map(name, data=None, labels=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def pod(name, **container):
    spec = {"name": "main", "image": "keelson/busybox:1", **container}
    annotations = {"sim.keelson.dev/main.logs": "one\ntwo\nthree"}
    metadata = client.V1ObjectMeta(name=name, annotations=annotations)
    return client.V1Pod(metadata=metadata, spec=client.V1PodSpec(containers=[client.V1Container(**spec)]))


def run(body):
    """Creates a pod and returns when it runs."""
    core.create_namespaced_pod(NAMESPACE, body)
    eventually(lambda: core.read_namespaced_pod(body.metadata.name, NAMESPACE).status.phase == "Running")


def eventually(look, seconds=180):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def refused(call, *args, **kwargs):
    """The HTTP status that a call failed with."""
    try:
        call(*args, **kwargs)
    except client.ApiException as error:
        return error.status
    return None
