package main

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
)

// prepareList measures complete lists, however many pages they take, for j.Seconds. The first one is not measured: it counts the items.
func prepareList(t *target, j *job) (prepared, error) {
	c := &connection{t: t}
	defer c.close()
	items := 0
	counted := *j
	if strings.Contains(j.Accept, "protobuf") {
		counted.Accept = "" // the same list, in a form that can be counted
	}
	if _, err := pages(c, &counted, func(body []byte) { items += countItems(body) }); err != nil {
		return nil, err
	}
	run := loop(t, j, func(c *connection, _ int) (int64, error) { return pages(c, j, nil) })
	return func() (*result, error) {
		r, err := run()
		if err == nil {
			r.Details = map[string]float64{"items": float64(items)}
		}
		return r, err
	}, nil
}

func pages(c *connection, j *job, page func(body []byte)) (total int64, err error) {
	for token := ""; ; {
		query := j.Query
		if j.Limit > 0 {
			query += fmt.Sprintf("&limit=%d", j.Limit)
		}
		if token != "" {
			query += "&continue=" + url.QueryEscape(token)
		}
		r := request{method: "GET", path: j.base() + "?" + strings.TrimPrefix(query, "&"), accept: j.Accept}
		if j.Limit == 0 && page == nil {
			return c.call(r)
		}
		body, err := c.fetch(r)
		if err != nil {
			return total, err
		}
		total += int64(len(body))
		if page != nil {
			page(body)
		}
		if token = textField(body, "continue"); token == "" {
			return total, nil
		}
	}
}

// countItems counts the objects of a list or the rows of a table, by the one field that each has once.
func countItems(body []byte) int {
	return bytes.Count(body, []byte(`"uid":"`))
}

// textField is the value of the first field of that name, if it is a text without escapes.
func textField(body []byte, name string) string {
	_, rest, found := bytes.Cut(body, []byte(`"`+name+`":"`))
	end := bytes.IndexByte(rest, '"')
	if !found || end < 0 {
		return ""
	}
	return string(rest[:end])
}
