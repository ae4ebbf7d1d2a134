// Command load puts work on a Kubernetes API server and says how long each request took. It is driven over its standard input and
// output, a line of JSON each: first the target; then jobs. For each job it prepares what is not to be measured, answers "ready",
// waits for one more line (whoever drives it takes the servers' CPU time in between), works, and answers with the result.
//
// It is written in Go, with the standard library only, so that it stays out of the way: it shares the machine with the server that
// it measures.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// job is what to do. Which fields count depends on Work.
type job struct {
	Work      string  `json:"work"`
	Namespace string  `json:"namespace"`
	Kind      string  `json:"kind"`
	Clients   int     `json:"clients"`
	Count     int     `json:"count"`   // objects, and operations unless Seconds is given
	Seconds   float64 `json:"seconds"` // how long reads go on
	Nodes     int     `json:"nodes"`   // pods are created as already bound to so many nodes
	Path      string  `json:"path"`
	Query     string  `json:"query"`
	Accept    string  `json:"accept"`
	Limit     int     `json:"limit"`
	Watchers  int     `json:"watchers"`
	Rate      float64 `json:"rate"` // writes per second; 0 for as many as possible
	Workloads int     `json:"workloads"`
	Until     string  `json:"until"` // "created" or "bound"
}

type result struct {
	State   string             `json:"state"`
	Ops     int                `json:"ops"`
	Errors  int                `json:"errors"`
	Error   string             `json:"error,omitempty"`
	Seconds float64            `json:"seconds"`
	P50     float64            `json:"p50Ms"`
	P90     float64            `json:"p90Ms"`
	P99     float64            `json:"p99Ms"`
	Max     float64            `json:"maxMs"`
	Bytes   int64              `json:"bytes"`
	Details map[string]float64 `json:"details,omitempty"`
}

// prepared is a job of which only the part to be measured is left.
type prepared func() (*result, error)

var works = map[string]func(*target, *job) (prepared, error){
	"create": prepareCreate, "get": prepareGet, "update": prepareUpdate, "delete": prepareDelete,
	"patch-json": preparePatch, "patch-merge": preparePatch, "patch-strategic": preparePatch, "apply": preparePatch,
	"read": prepareRead, "list": prepareList, "watch": prepareWatch, "nodes": prepareNodes, "scale": prepareScale,
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	var t target
	if !in.Scan() {
		return
	}
	if err := t.read(in.Bytes()); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	for in.Scan() {
		var j job
		err := json.Unmarshal(in.Bytes(), &j)
		var r *result
		if err == nil {
			r, err = do(&t, &j, in)
		}
		if err != nil {
			r = &result{State: "failed", Errors: 1, Error: err.Error()}
		}
		answer(r)
	}
}

func do(t *target, j *job, in *bufio.Scanner) (*result, error) {
	prepare, ok := works[j.Work]
	if !ok {
		return nil, fmt.Errorf("unknown work %q", j.Work)
	}
	if j.Clients == 0 {
		j.Clients = 1
	}
	run, err := prepare(t, j)
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", j.Work, err)
	}
	answer(&result{State: "ready"})
	in.Scan()
	r, err := run()
	if err == nil {
		r.State = "done"
	}
	return r, err
}

func answer(r *result) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(line, '\n'))
}
