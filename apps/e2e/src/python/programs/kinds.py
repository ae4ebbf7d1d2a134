"""Reads all that it can of every API that this old client knows and the server still has: what it decodes, it checks."""
from kubernetes import client

read = [
    (client.CoreV1Api, ["node", "namespace", "pod_for_all_namespaces", "service_for_all_namespaces", "event_for_all_namespaces"]),
    (client.CoreV1Api, ["config_map_for_all_namespaces", "secret_for_all_namespaces", "service_account_for_all_namespaces"]),
    (client.AppsV1Api, ["deployment_for_all_namespaces", "replica_set_for_all_namespaces", "daemon_set_for_all_namespaces"]),
    (client.BatchV1Api, ["job_for_all_namespaces", "cron_job_for_all_namespaces"]),
    (client.NetworkingV1Api, ["ingress_for_all_namespaces", "network_policy_for_all_namespaces"]),
    (client.RbacAuthorizationV1Api, ["cluster_role", "cluster_role_binding", "role_for_all_namespaces"]),
    (client.DiscoveryV1Api, ["endpoint_slice_for_all_namespaces"]),
    (client.StorageV1Api, ["storage_class", "csi_node"]),
    (client.SchedulingV1Api, ["priority_class"]),
    (client.CoordinationV1Api, ["lease_for_all_namespaces"]),
    (client.AutoscalingV1Api, ["horizontal_pod_autoscaler_for_all_namespaces"]),
]
from cluster import NAMESPACE, apps, eventually  # noqa: E402  (loads the configuration)

body = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx:1.22"}]}},
    },
}
apps.create_namespaced_deployment(NAMESPACE, body)
eventually(lambda: apps.read_namespaced_deployment_status("web", NAMESPACE).status.ready_replicas == 2)
for api, kinds in read:
    for kind in kinds:
        for each in getattr(api(), f"list_{kind}")().items:
            assert each.metadata.name
assert client.VersionApi().get_code().git_version.startswith("v1.36.")
apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 1}})
assert apps.read_namespaced_deployment_scale("web", NAMESPACE).spec.replicas == 1
print("done")
