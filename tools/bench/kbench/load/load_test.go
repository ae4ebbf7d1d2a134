package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestBodiesHaveTheirIntendedSizes(t *testing.T) {
	j := &job{Nodes: 100}
	for name, c := range map[string]struct {
		body     []byte
		min, max int
	}{
		"pod":        {kinds["pods"].body(j, 7), 2900, 3200},
		"configmap":  {kinds["configmaps"].body(j, 7), 950, 1150},
		"deployment": {encode(deployment(1, 10)), 2700, 3300},
		"node":       {encode(node(999)), 900, 2500},
	} {
		if !json.Valid(c.body) {
			t.Errorf("%s: not JSON", name)
		}
		if len(c.body) < c.min || len(c.body) > c.max {
			t.Errorf("%s: %d bytes, want %d to %d", name, len(c.body), c.min, c.max)
		}
	}
}

func TestEventsLongerThanTheBuffer(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	e := newEvents(strings.NewReader("a\n" + long + "\nb\n"))

	for _, want := range []int{2, len(long) + 1, 2} {
		line, err := e.next()
		if err != nil || len(line) != want {
			t.Fatalf("got %d bytes and %v, want %d", len(line), err, want)
		}
	}
}

func TestWatcherRefusesWhatIsToldTwiceOrOutOfOrder(t *testing.T) {
	event := func(write, revision string) []byte {
		return []byte(`{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"` + revision + `","annotations":{"bench/stamp":"` + write + `","bench/sent":"0000000000000000005"}}}}`)
	}
	w := &watcher{seen: make([]bool, 3)}

	if err := w.take(event("0000000001", "7"), 9); err != nil {
		t.Fatal(err)
	}
	if err := w.take(event("0000000001", "8"), 9); err == nil {
		t.Error("took the same write twice")
	}
	if err := w.take(event("0000000002", "7"), 9); err == nil {
		t.Error("took a resource version that does not rise")
	}
	if len(w.durations) != 1 || w.durations[0] != 4 {
		t.Errorf("latencies %v", w.durations)
	}
}

func TestQuantiles(t *testing.T) {
	var m meter
	for i := 100; i > 0; i-- {
		m.add(time.Duration(i)*time.Millisecond, 1, nil)
	}

	r := m.result(time.Second)

	if r.P50 != 50 || r.P99 != 99 || r.Max != 100 || r.Bytes != 100 {
		t.Errorf("%+v", r)
	}
}

func TestItemsAreCountedByTheirUid(t *testing.T) {
	if n := countItems(bytes.Repeat([]byte(`{"metadata":{"uid":"x"}},`), 3)); n != 3 {
		t.Errorf("got %d", n)
	}
}
