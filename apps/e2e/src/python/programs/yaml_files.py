import yaml
from kubernetes import utils

from cluster import NAMESPACE, apps, core

TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1.22'}]}
"""
utils.create_from_yaml(core.api_client, yaml_objects=list(yaml.safe_load_all(TEXT)), namespace=NAMESPACE)
assert core.read_namespaced_config_map("settings", NAMESPACE).data == {"color": "blue"}
assert apps.read_namespaced_deployment("web", NAMESPACE).spec.replicas == 1
print("done")
