package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// watchedPods is how many pods the writes are spread over.
const watchedPods = 500

// longestWait is how long the last events may take once all is written.
const longestWait = 60 * time.Second

// events reads the events of a watch, a line each.
type events struct {
	in   *bufio.Reader
	line []byte
}

func newEvents(body io.Reader) *events { return &events{in: bufio.NewReaderSize(body, 64<<10)} }

// next is valid until it is called again.
func (e *events) next() ([]byte, error) {
	e.line = e.line[:0]
	for {
		part, err := e.in.ReadSlice('\n')
		if err == nil && len(e.line) == 0 {
			return part, nil
		}
		e.line = append(e.line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return e.line, err
		}
	}
}

func listRevision(t *target, path string) (string, error) {
	c := &connection{t: t}
	defer c.close()
	body, err := c.fetch(request{method: "GET", path: path + "?limit=1"})
	if err != nil {
		return "", err
	}
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	err = json.Unmarshal(body, &list)
	return list.Metadata.ResourceVersion, err
}

func openWatch(c *connection, path, revision string) (*events, error) {
	response, err := c.send(request{method: "GET", path: path + "?watch=1&timeoutSeconds=3600&resourceVersion=" + revision})
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("watch: %s", response.Status)
	}
	return newEvents(response.Body), nil
}

// watcher sees to it that it gets each write exactly once, with rising resource versions.
type watcher struct {
	meter
	c        *connection
	events   *events
	seen     []bool
	revision int64
	order    uint64 // depends on the writes seen and on their order
}

func (w *watcher) follow(epoch time.Time) {
	for len(w.durations) < len(w.seen) {
		line, err := w.events.next()
		if err == nil {
			err = w.take(line, time.Since(epoch))
		}
		if err != nil {
			w.errors, w.err = w.errors+1, err
			return
		}
	}
}

func (w *watcher) take(line []byte, now time.Duration) error {
	write, ok := digitsAfter(line, `"`+stampKey+`":"`)
	sent, _ := digitsAfter(line, `"`+sentKey+`":"`)
	revision, _ := digitsAfter(line, `"resourceVersion":"`)
	switch {
	case !ok || int(write) >= len(w.seen) || !bytes.Contains(line[:40], []byte(`"MODIFIED"`)):
		return fmt.Errorf("not an event of a write: %.200s", line)
	case w.seen[write]:
		return fmt.Errorf("write %d was told twice", write)
	case revision <= w.revision:
		return fmt.Errorf("resource version %d after %d", revision, w.revision)
	}
	w.seen[write], w.revision = true, revision
	w.order = w.order*1099511628211 + uint64(write) + 1
	w.add(now-time.Duration(sent), int64(len(line)), nil)
	return nil
}

// digitsAfter is the number that follows the key.
func digitsAfter(line []byte, key string) (number int64, found bool) {
	at := bytes.Index(line, []byte(key))
	if at < 0 {
		return 0, false
	}
	for _, c := range line[at+len(key):] {
		if c < '0' || c > '9' {
			break
		}
		number = number*10 + int64(c-'0')
	}
	return number, true
}

// prepareWatch opens watches on the pods of a namespace; then pods are patched, at a steady rate or as fast as can be. A latency runs
// from just before the write is sent until a watcher has its event. It fails unless all got all, once, and in the same order.
func prepareWatch(t *target, j *job) (prepared, error) {
	if err := prepareNamespace(t, j); err != nil {
		return nil, err
	}
	err := each(t, watchedPods, func(c *connection, i int) (int64, error) {
		n, err := c.call(request{method: "POST", path: j.base(), body: kinds[j.Kind].body(j, i)})
		if hasStatus(err, 409) {
			err = nil
		}
		return n, err
	})
	if err != nil {
		return nil, err
	}
	revision, err := listRevision(t, j.base())
	if err != nil {
		return nil, err
	}
	watchers, err := openWatchers(t, j, revision)
	if err != nil {
		return nil, err
	}
	return func() (*result, error) { return watch(t, j, watchers) }, nil
}

func openWatchers(t *target, j *job, revision string) ([]*watcher, error) {
	watchers := make([]*watcher, j.Watchers)
	number, err := strconv.ParseInt(revision, 10, 64)
	if err != nil {
		return nil, err
	}
	err = each(t, j.Watchers, func(_ *connection, i int) (int64, error) {
		w := &watcher{c: &connection{t: t}, seen: make([]bool, j.Count), revision: number}
		w.events, err = openWatch(w.c, j.base(), revision)
		watchers[i] = w
		return 0, err
	})
	return watchers, err
}

func watch(t *target, j *job, watchers []*watcher) (*result, error) {
	start := time.Now()
	var following sync.WaitGroup
	following.Add(len(watchers))
	for _, w := range watchers {
		go func(w *watcher) {
			defer following.Done()
			defer w.c.close()
			w.follow(start)
		}(w)
	}
	writes := writeAll(t, j, start)
	giveUp := time.AfterFunc(longestWait, func() {
		for _, w := range watchers {
			w.c.socket.Close()
		}
	})
	following.Wait()
	span := time.Since(start)
	giveUp.Stop()
	var all meter
	orders := map[uint64]bool{}
	for _, w := range watchers {
		all.merge(&w.meter)
		orders[w.order] = true
	}
	r := all.result(span)
	r.Errors += writes.Errors
	r.Details = map[string]float64{"writesPerSecond": float64(writes.Ops) / writes.Seconds, "writeP50Ms": writes.P50, "orders": float64(len(orders))}
	switch {
	case writes.Error != "":
		r.Error = writes.Error
	case r.Ops < j.Count*j.Watchers:
		return nil, fmt.Errorf("%d of %d events came; %s", r.Ops, j.Count*j.Watchers, r.Error)
	case len(orders) > 1:
		return nil, fmt.Errorf("watchers saw %d different orders", len(orders))
	}
	return r, nil
}

func writeAll(t *target, j *job, epoch time.Time) *result {
	var m meter
	var next atomic.Int64
	parallel(j.Clients, func(int) {
		c := &connection{t: t}
		defer c.close()
		var own meter
		defer m.merge(&own)
		for i := int(next.Add(1) - 1); i < j.Count; i = int(next.Add(1) - 1) {
			if j.Rate > 0 {
				time.Sleep(time.Until(epoch.Add(time.Duration(float64(i) / j.Rate * float64(time.Second)))))
			}
			began := time.Now()
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"%s":"%0*d","%s":"%019d"}}}`, stampKey, stampDigits, i, sentKey, time.Since(epoch))
			r := request{method: "PATCH", path: j.path(i % watchedPods), contentType: "application/merge-patch+json", body: []byte(patch)}
			n, err := c.call(r)
			own.add(time.Since(began), n, err)
		}
	})
	return m.result(time.Since(epoch))
}
