from kubernetes import client, dynamic

from cluster import NAMESPACE, core

found = dynamic.DynamicClient(core.api_client)
deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
body = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1.22"}]}},
    },
}
assert deployments.create(body=body, namespace=NAMESPACE).spec.replicas == 1
changed = deployments.patch(
    name="web", namespace=NAMESPACE, body={"spec": {"replicas": 3}}, content_type="application/merge-patch+json"
)
assert changed.spec.replicas == 3 and changed.metadata.generation == 2
assert [each.metadata.name for each in deployments.get(namespace=NAMESPACE).items] == ["web"]
deployments.delete(name="web", namespace=NAMESPACE)
try:
    deployments.get(name="web", namespace=NAMESPACE)
    raise AssertionError("it is still there")
except dynamic.exceptions.NotFoundError:
    pass
assert {each.kind for each in found.resources.search(group="batch")} >= {"Job", "CronJob"}
assert isinstance(core.api_client, client.ApiClient)
print("done")
