from kubernetes import client, watch

from cluster import NAMESPACE, core, eventually, refused

group, plural = f"{NAMESPACE}.example.org", "boats"
schema = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"sails": {"type": "integer", "minimum": 1}, "crew": {"type": "integer", "default": 3}},
        }
    },
}
version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
names = {"plural": plural, "singular": "boat", "kind": "Boat"}
definition = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{plural}.{group}"},
    "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
}
extensions = client.ApiextensionsV1Api()
custom = client.CustomObjectsApi()
where = (group, "v1", NAMESPACE, plural)


def established():
    conditions = extensions.read_custom_resource_definition(f"{plural}.{group}").status.conditions or []
    return any(each.type == "Established" and each.status == "True" for each in conditions)


def boat(sails):
    return {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "ketch"}, "spec": {"sails": sails}}


extensions.create_custom_resource_definition(definition)
eventually(established)
created = custom.create_namespaced_custom_object(*where, boat(2))
assert created["spec"] == {"sails": 2, "crew": 3}, created
assert refused(custom.create_namespaced_custom_object, *where, boat(0)) == 422
changed = custom.patch_namespaced_custom_object(*where, "ketch", {"spec": {"sails": 1}})
assert changed["spec"]["sails"] == 1 and changed["metadata"]["generation"] == 2
assert [each["metadata"]["name"] for each in custom.list_namespaced_custom_object(*where)["items"]] == ["ketch"]

since = created["metadata"]["resourceVersion"]
for event in watch.Watch().stream(custom.list_namespaced_custom_object, *where, resource_version=since, timeout_seconds=60):
    assert event["type"] == "MODIFIED" and event["object"]["spec"]["sails"] == 1, event
    break
custom.delete_namespaced_custom_object(*where, "ketch")
extensions.delete_custom_resource_definition(f"{plural}.{group}")
eventually(lambda: refused(custom.list_namespaced_custom_object, *where) == 404)
assert core.read_namespace(NAMESPACE).status.phase == "Active"
print("done")
