package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// longestScale is when waiting for pods is given up.
const longestScale = 5 * time.Minute

// prepareScale creates Deployments (j.Workloads of them with j.Count pods in all) and watches until their pods exist, or are bound to
// nodes. An operation is a pod.
func prepareScale(t *target, j *job) (prepared, error) {
	if err := prepareNamespace(t, j); err != nil {
		return nil, err
	}
	revision, err := listRevision(t, j.base())
	if err != nil {
		return nil, err
	}
	c := &connection{t: t}
	watched, err := openWatch(c, j.base(), revision)
	if err != nil {
		return nil, err
	}
	return func() (*result, error) {
		defer c.close()
		giveUp := time.AfterFunc(longestScale, func() { c.socket.Close() })
		defer giveUp.Stop()
		start := time.Now()
		if err := createDeployments(t, j); err != nil {
			return nil, err
		}
		return followPods(j, watched, start)
	}, nil
}

func createDeployments(t *target, j *job) error {
	return each(t, j.Workloads, func(c *connection, i int) (int64, error) {
		replicas := j.Count / j.Workloads
		if i < j.Count%j.Workloads {
			replicas++
		}
		path := "/apis/apps/v1/namespaces/" + j.Namespace + "/deployments"
		return c.call(request{method: "POST", path: path, body: encode(deployment(i, replicas))})
	})
}

type podEvent struct {
	Type   string
	Object struct {
		Metadata struct{ Name string }
		Spec     struct{ NodeName string }
	}
}

func followPods(j *job, watched *events, start time.Time) (*result, error) {
	created, bound := map[string]time.Duration{}, map[string]time.Duration{}
	var m meter
	var allCreated time.Duration
	for len(created) < j.Count || j.Until == "bound" && len(bound) < j.Count {
		line, err := watched.next()
		if err != nil {
			return nil, fmt.Errorf("%d of %d pods created, %d bound: %w", len(created), j.Count, len(bound), err)
		}
		var event podEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, err
		}
		now, name := time.Since(start), event.Object.Metadata.Name
		if event.Type == "DELETED" {
			continue
		}
		if _, known := created[name]; !known {
			created[name], allCreated = now, now
			if j.Until != "bound" {
				m.add(now, int64(len(line)), nil)
			}
		}
		if _, known := bound[name]; !known && event.Object.Spec.NodeName != "" {
			bound[name] = now
			if j.Until == "bound" {
				m.add(now-created[name], int64(len(line)), nil)
			}
		}
	}
	r := m.result(time.Since(start))
	r.Details = map[string]float64{"createdSeconds": allCreated.Seconds(), "bound": float64(len(bound))}
	return r, nil
}
