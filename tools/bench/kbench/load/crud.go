package main

import (
	"bytes"
	"fmt"
	"time"
)

func (j *job) base() string {
	return "/api/v1/namespaces/" + j.Namespace + "/" + kinds[j.Kind].resource
}

func (j *job) path(i int) string { return j.base() + "/" + kinds[j.Kind].objectName(i) }

// prepareNamespace makes the namespace, and its service account: without controllers nobody else would.
func prepareNamespace(t *target, j *job) error {
	c := &connection{t: t}
	defer c.close()
	for _, r := range []request{
		{path: "/api/v1/namespaces", body: encode(object{"metadata": object{"name": j.Namespace}})},
		{path: "/api/v1/namespaces/" + j.Namespace + "/serviceaccounts", body: encode(object{"metadata": object{"name": "default"}})},
	} {
		r.method = "POST"
		if _, err := c.call(r); err != nil && !hasStatus(err, 409) {
			return err
		}
	}
	return nil
}

func prepareCreate(t *target, j *job) (prepared, error) {
	if err := prepareNamespace(t, j); err != nil {
		return nil, err
	}
	bodies := make([][]byte, j.Count)
	for i := range bodies {
		bodies[i] = kinds[j.Kind].body(j, i)
	}
	return loop(t, j, func(c *connection, i int) (int64, error) {
		return c.call(request{method: "POST", path: j.base(), body: bodies[i]})
	}), nil
}

func prepareGet(t *target, j *job) (prepared, error) {
	return loop(t, j, func(c *connection, i int) (int64, error) {
		return c.call(request{method: "GET", path: j.path(i % j.Count)})
	}), nil
}

// prepareRead reads one path again and again.
func prepareRead(t *target, j *job) (prepared, error) {
	return loop(t, j, func(c *connection, i int) (int64, error) {
		return c.call(request{method: "GET", path: j.Path, accept: j.Accept})
	}), nil
}

// prepareUpdate does as clients do: take an object as it was read, change it, put it back.
func prepareUpdate(t *target, j *job) (prepared, error) {
	bodies := make([][]byte, j.Count)
	err := each(t, j.Count, func(c *connection, i int) (int64, error) {
		body, err := c.fetch(request{method: "GET", path: j.path(i)})
		if err != nil {
			return 0, err
		}
		key := []byte(`"` + stampKey + `":"`)
		at := bytes.Index(body, key)
		if at < 0 {
			return 0, fmt.Errorf("%s has no annotation %s", j.path(i), stampKey)
		}
		copy(body[at+len(key):], stamp())
		bodies[i] = body
		return 0, nil
	})
	if err != nil {
		return nil, err
	}
	return loop(t, j, func(c *connection, i int) (int64, error) {
		return c.call(request{method: "PUT", path: j.path(i), body: bodies[i]})
	}), nil
}

func preparePatch(t *target, j *job) (prepared, error) {
	make := patches[j.Work]
	return loop(t, j, func(c *connection, i int) (int64, error) {
		r := make(j, i)
		r.method = "PATCH"
		return c.call(r)
	}), nil
}

// patches change an annotation; those that merge lists by key also one item of such a list.
var patches = map[string]func(j *job, i int) request{
	"patch-json": func(j *job, i int) request {
		operation := fmt.Sprintf(`[{"op":"replace","path":"/metadata/annotations/bench~1stamp","value":"%s"}]`, stamp())
		return request{path: j.path(i), contentType: "application/json-patch+json", body: []byte(operation)}
	},
	"patch-merge": func(j *job, i int) request {
		return request{path: j.path(i), contentType: "application/merge-patch+json", body: encode(stamped(object{}))}
	},
	"patch-strategic": func(j *job, i int) request {
		body := encode(stamped(j.change("a")))
		return request{path: j.path(i), contentType: "application/strategic-merge-patch+json", body: body}
	},
	"apply": func(j *job, i int) request {
		k := kinds[j.Kind]
		wanted := stamped(j.change("b"))
		wanted["apiVersion"], wanted["kind"] = "v1", k.name
		wanted["metadata"].(object)["name"] = k.objectName(i)
		path := j.path(i) + "?fieldManager=load&force=true"
		return request{path: path, contentType: "application/apply-patch+yaml", body: encode(wanted)}
	},
}

// change is a change of one container of a pod, or of one key of a ConfigMap.
func (j *job) change(to string) object {
	if kinds[j.Kind].resource == "configmaps" {
		return object{"data": object{"switch": to}}
	}
	container := object{"name": "app", "image": "images.example.com/shop/cart:3.2.0-" + to}
	return object{"spec": object{"containers": list{container}}}
}

func stamped(o object) object {
	o["metadata"] = object{"annotations": object{stampKey: stamp()}}
	return o
}

// stamp differs from one microsecond to the next.
func stamp() string {
	return fmt.Sprintf("%0*d", stampDigits, time.Now().UnixMicro()%1e10)
}

func prepareDelete(t *target, j *job) (prepared, error) {
	return loop(t, j, func(c *connection, i int) (int64, error) {
		return c.call(request{method: "DELETE", path: j.path(i) + "?gracePeriodSeconds=0"})
	}), nil
}

func prepareNodes(t *target, j *job) (prepared, error) {
	return loop(t, j, func(c *connection, i int) (int64, error) {
		if _, err := c.call(request{method: "POST", path: "/api/v1/nodes", body: encode(node(i))}); err != nil {
			return 0, err
		}
		// Admission taints a new node as not ready; with no kubelet behind it nobody takes that off.
		untaint := request{method: "PATCH", path: "/api/v1/nodes/" + nodeName(i), contentType: "application/merge-patch+json", body: []byte(`{"spec":{"taints":null}}`)}
		return c.call(untaint)
	}), nil
}
