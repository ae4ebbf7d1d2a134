from cluster import NAMESPACE, config_map, core, refused

created = core.create_namespaced_config_map(NAMESPACE, config_map("a", {"k": "v"}))
assert created.metadata.uid and created.metadata.creation_timestamp.tzinfo
assert refused(core.create_namespaced_config_map, NAMESPACE, config_map("a")) == 409

created.data = {"k": "w"}
replaced = core.replace_namespaced_config_map("a", NAMESPACE, created)
assert replaced.data == {"k": "w"} and replaced.metadata.resource_version != created.metadata.resource_version
assert refused(core.replace_namespaced_config_map, "a", NAMESPACE, created) == 409

core.create_namespaced_config_map(NAMESPACE, config_map("b", labels={"team": "red"}))
names = [each.metadata.name for each in core.list_namespaced_config_map(NAMESPACE, label_selector="team=red").items]
assert names == ["b"], names
first = core.list_namespaced_config_map(NAMESPACE, limit=1)
rest = core.list_namespaced_config_map(NAMESPACE, _continue=first.metadata._continue)
assert len(first.items) == 1 and len(rest.items) >= 1

core.delete_namespaced_config_map("a", NAMESPACE)
assert refused(core.read_namespaced_config_map, "a", NAMESPACE) == 404
core.delete_collection_namespaced_config_map(NAMESPACE)
assert refused(core.read_namespaced_config_map, "b", NAMESPACE) == 404
print("done")
