package main

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// operation number i, on a worker's own connection. It returns the size of the answer.
type operation func(c *connection, i int) (int64, error)

// loop prepares a closed loop: each client has one request in flight, on a connection that is open before the clock starts. It ends
// after count operations, or with seconds given once they are over.
func loop(t *target, j *job, op operation) prepared {
	connections := make([]*connection, j.Clients)
	for w := range connections {
		connections[w] = &connection{t: t}
		connections[w].call(request{method: "GET", path: "/version"}) // an error shows again in the loop
	}
	return func() (*result, error) {
		var m meter
		var next atomic.Int64
		start := time.Now()
		end := start.Add(time.Duration(j.Seconds * float64(time.Second)))
		parallel(j.Clients, func(w int) {
			var own meter
			defer m.merge(&own)
			defer connections[w].close()
			for {
				i := int(next.Add(1) - 1)
				began := time.Now()
				if j.Seconds > 0 && began.After(end) || j.Seconds == 0 && i >= j.Count {
					return
				}
				bytes, err := op(connections[w], i)
				own.add(time.Since(began), bytes, err)
			}
		})
		return m.result(time.Since(start)), nil
	}
}

// each does operations 0 to n-1 unmeasured, sixteen at a time, and returns the first error.
func each(t *target, n int, op operation) error {
	var next atomic.Int64
	var first error
	var once sync.Once
	parallel(16, func(int) {
		c := &connection{t: t}
		defer c.close()
		for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
			if _, err := op(c, i); err != nil {
				once.Do(func() { first = err })
				return
			}
		}
	})
	return first
}

func parallel(n int, work func(w int)) {
	var wait sync.WaitGroup
	wait.Add(n)
	for w := 0; w < n; w++ {
		go func(w int) {
			defer wait.Done()
			work(w)
		}(w)
	}
	wait.Wait()
}

// meter gathers how long operations took and how they ended.
type meter struct {
	mutex     sync.Mutex
	durations []time.Duration
	bytes     int64
	errors    int
	err       error
}

func (m *meter) add(took time.Duration, bytes int64, err error) {
	m.durations = append(m.durations, took)
	m.bytes += bytes
	if err != nil {
		m.errors++
		m.err = err
	}
}

func (m *meter) merge(other *meter) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.durations = append(m.durations, other.durations...)
	m.bytes += other.bytes
	m.errors += other.errors
	if m.err == nil {
		m.err = other.err
	}
}

func (m *meter) result(span time.Duration) *result {
	r := &result{Ops: len(m.durations), Errors: m.errors, Bytes: m.bytes, Seconds: span.Seconds()}
	if m.err != nil {
		r.Error = m.err.Error()
	}
	if r.Ops == 0 {
		return r
	}
	sort.Slice(m.durations, func(a, b int) bool { return m.durations[a] < m.durations[b] })
	at := func(share float64) float64 {
		i := int(math.Ceil(share*float64(r.Ops))) - 1
		if i < 0 {
			i = 0
		}
		return m.durations[i].Seconds() * 1000
	}
	r.P50, r.P90, r.P99, r.Max = at(0.5), at(0.9), at(0.99), at(1)
	return r
}
