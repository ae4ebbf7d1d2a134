from kubernetes import client, watch

from cluster import NAMESPACE, config_map, core

listed = core.list_namespaced_config_map(NAMESPACE)
core.create_namespaced_config_map(NAMESPACE, config_map("a"))
core.patch_namespaced_config_map("a", NAMESPACE, {"data": {"k": "v"}})
core.delete_namespaced_config_map("a", NAMESPACE)

seen = []
watching = watch.Watch()
for event in watching.stream(
    core.list_namespaced_config_map, NAMESPACE, resource_version=listed.metadata.resource_version, timeout_seconds=60
):
    if event["object"].metadata.name != "a":
        continue
    seen.append(event["type"])
    if event["type"] == "DELETED":
        watching.stop()
assert seen == ["ADDED", "MODIFIED", "DELETED"], seen

try:
    list(watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, resource_version="1", timeout_seconds=5))
    raise AssertionError("a watch from the beginning of time went on")
except client.ApiException as error:
    assert error.status == 410, error
print("done")
