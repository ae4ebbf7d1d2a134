package main

import (
	"encoding/json"
	"fmt"
)

// The objects that the work is done on. Their sizes are what makes figures comparable: a pod of 3 KB as a chart would render it (an
// init container, an app and a sidecar, with probes, environment, volumes), a ConfigMap of 1 KB, a node as a kubelet reports it.

type object = map[string]any
type list = []any

// stampKey is the annotation that updates change; its value always has stampDigits digits. sentKey says when a watched write was sent.
const (
	stampKey    = "bench/stamp"
	sentKey     = "bench/sent"
	stampDigits = 10
)

type kind struct {
	name, resource string
	make           func(j *job, name string, i int) object
}

var kinds = map[string]kind{
	"":           {"Pod", "pods", pod},
	"pods":       {"Pod", "pods", pod},
	"configmaps": {"ConfigMap", "configmaps", configMap},
}

func (k kind) objectName(i int) string { return fmt.Sprintf("%s-%06d", k.resource, i) }

func (k kind) body(j *job, i int) []byte { return encode(k.make(j, k.objectName(i), i)) }

func encode(o object) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return text
}

func nodeName(i int) string { return fmt.Sprintf("node-%05d", i) }

func pod(j *job, name string, i int) object {
	spec := podSpec()
	spec["schedulerName"] = "nobody" // on a whole cluster too, only the API server has work with these pods
	if j.Nodes > 0 {
		spec["nodeName"] = nodeName(i % j.Nodes)
	}
	return object{"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": metadata(name, i)}
}

// metadata puts objects into 50 apps, so that a label selects one in fifty.
func metadata(name string, i int) object {
	return object{
		"name": name, "labels": labels(fmt.Sprintf("app-%02d", i%50)),
		"annotations": object{
			stampKey: "0000000000", sentKey: "0000000000000000000", "metrics.example.com/scrape": "true", "metrics.example.com/port": "9090",
			"checksum/config": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
		},
	}
}

func labels(app string) object {
	return object{
		"app": app, "app.kubernetes.io/name": app, "app.kubernetes.io/instance": app + "-live", "app.kubernetes.io/version": "3.1.4",
		"app.kubernetes.io/part-of": "shop", "layer": "service", "release": "stable",
	}
}

func podSpec() object {
	return object{
		"automountServiceAccountToken": false, "serviceAccountName": "default", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
		"terminationGracePeriodSeconds": 30,
		"securityContext":               object{"runAsNonRoot": true, "runAsUser": 12345, "fsGroup": 12345},
		"initContainers": list{object{
			"name": "schema", "image": "images.example.com/shop/schema:3.1.4", "command": list{"/usr/bin/schema", "upgrade", "--timeout=90s"},
			"resources": resources("5m", "16Mi", "", ""),
			"env":       list{variable("DATABASE_HOST", "database.shop.svc.cluster.local"), variable("DATABASE_NAME", "cart")},
		}},
		"containers": list{appContainer(), sidecar()},
		"volumes": list{
			object{"name": "settings", "configMap": object{"name": "cart-settings", "defaultMode": 420, "optional": true}},
			object{"name": "scratch", "emptyDir": object{"sizeLimit": "64Mi"}},
		},
		"tolerations": list{object{"key": "reserved", "operator": "Equal", "value": "shop", "effect": "NoSchedule"}},
	}
}

func appContainer() object {
	return object{
		"name": "app", "image": "images.example.com/shop/cart:3.1.4", "imagePullPolicy": "IfNotPresent",
		"args":  list{"--address=:8080", "--metrics-address=:9090", "--log=json", "--drain=15s", "--workers=4"},
		"ports": list{port("http", 8080), port("metrics", 9090)},
		"env": list{
			object{"name": "POD_NAME", "valueFrom": object{"fieldRef": object{"fieldPath": "metadata.name"}}},
			object{"name": "POD_NAMESPACE", "valueFrom": object{"fieldRef": object{"fieldPath": "metadata.namespace"}}},
			variable("DATABASE_HOST", "database.shop.svc.cluster.local"), variable("DATABASE_PORT", "5432"),
			variable("QUEUE_URL", "amqp://queue.shop.svc.cluster.local:5672/orders"),
			variable("TRACES_ENDPOINT", "http://traces.monitoring.svc.cluster.local:4318/v1/traces"),
			variable("SWITCHES", "new-checkout,quick-search,gift-wrap"),
		},
		"resources":      resources("10m", "32Mi", "500m", "256Mi"),
		"livenessProbe":  probe("/alive", object{"initialDelaySeconds": 10, "periodSeconds": 10, "failureThreshold": 3}),
		"readinessProbe": probe("/ready", object{"periodSeconds": 5, "successThreshold": 1}),
		"volumeMounts": list{
			object{"name": "settings", "mountPath": "/etc/cart", "readOnly": true}, object{"name": "scratch", "mountPath": "/tmp"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": object{"drop": list{"ALL"}},
		},
	}
}

func sidecar() object {
	return object{
		"name": "sidecar", "image": "images.example.com/net/sidecar:2.0.1", "args": list{"--settings", "/etc/sidecar/settings.json"},
		"ports": list{port("inbound", 15000)}, "resources": resources("5m", "16Mi", "", "64Mi"),
		"volumeMounts": list{object{"name": "scratch", "mountPath": "/tmp"}},
	}
}

func variable(name, value string) object { return object{"name": name, "value": value} }

func port(name string, number int) object {
	return object{"name": name, "containerPort": number, "protocol": "TCP"}
}

func probe(path string, more object) object {
	more["httpGet"] = object{"path": path, "port": "http"}
	more["timeoutSeconds"] = 2
	return more
}

func resources(cpu, memory, cpuLimit, memoryLimit string) object {
	limits := object{}
	if cpuLimit != "" {
		limits["cpu"] = cpuLimit
	}
	if memoryLimit != "" {
		limits["memory"] = memoryLimit
	}
	return object{"requests": object{"cpu": cpu, "memory": memory}, "limits": limits}
}

func configMap(_ *job, name string, i int) object {
	text := ""
	for line := 0; line < 14; line++ {
		text += fmt.Sprintf("service.option-%02d=value of option %02d of the service\n", line, line)
	}
	meta := object{
		"name": name, "labels": object{"app": fmt.Sprintf("app-%02d", i%50), "app.kubernetes.io/part-of": "shop"},
		"annotations": object{stampKey: "0000000000"},
	}
	data := object{"level": "info", "service.properties": text, "switch": "a"}
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
}

func deployment(i, replicas int) object {
	name := fmt.Sprintf("deployment-%03d", i)
	template := object{"metadata": object{"labels": labels(name)}, "spec": podSpec()}
	spec := object{"replicas": replicas, "selector": object{"matchLabels": object{"app": name}}, "template": template}
	return object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name, "labels": labels(name)}, "spec": spec}
}

// node has room for the usual 110 pods, and lies in one of three zones.
func node(i int) object {
	name := nodeName(i)
	capacity := object{"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}
	conditions := list{}
	for _, c := range [][3]string{
		{"MemoryPressure", "False", "KubeletHasSufficientMemory"}, {"DiskPressure", "False", "KubeletHasNoDiskPressure"},
		{"PIDPressure", "False", "KubeletHasSufficientPID"}, {"Ready", "True", "KubeletReady"},
	} {
		at := "2026-01-01T00:00:00Z"
		conditions = append(conditions, object{"type": c[0], "status": c[1], "reason": c[2], "lastHeartbeatTime": at, "lastTransitionTime": at})
	}
	return object{
		"apiVersion": "v1", "kind": "Node", "spec": object{},
		"metadata": object{"name": name, "labels": object{
			"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": fmt.Sprintf("r1-%d", i%3),
		}},
		"status": object{
			"capacity": capacity, "allocatable": capacity, "conditions": conditions,
			"addresses": list{object{"type": "Hostname", "address": name}},
		},
	}
}
