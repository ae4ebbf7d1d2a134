from cluster import NAMESPACE, config_map, core, refused

api = core.api_client


def patch(name, content_type, body, **query):
    """The typed methods choose the content type by the body; this one says it."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}"
    answer = api.call_api(
        path, "PATCH", {}, list(query.items()), {"Content-Type": content_type, "Accept": "application/json"}, body=body,
        response_type="V1ConfigMap", auth_settings=["BearerToken"], _return_http_data_only=True,
    )
    return answer.data


core.create_namespaced_config_map(NAMESPACE, config_map("a", {"a": "1", "b": "2"}))
assert patch("a", "application/merge-patch+json", {"data": {"a": None}}) == {"b": "2"}
assert patch("a", "application/strategic-merge-patch+json", {"data": {"c": "3"}}) == {"b": "2", "c": "3"}
assert patch("a", "application/json-patch+json", [{"op": "remove", "path": "/data/b"}]) == {"c": "3"}
assert core.patch_namespaced_config_map("a", NAMESPACE, {"data": {"d": "4"}}).data == {"c": "3", "d": "4"}

applied = 'apiVersion: v1\nkind: ConfigMap\ndata: {e: "5"}\n'
assert patch("a", "application/apply-patch+yaml", applied, fieldManager="python")["e"] == "5"
other = applied.replace("5", "6")
assert refused(patch, "a", "application/apply-patch+yaml", other, fieldManager="other") == 409
assert patch("a", "application/apply-patch+yaml", other, fieldManager="other", force=True)["e"] == "6"
print("done")
