package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// target is a server, and how to be somebody to it.
type target struct {
	Address     string `json:"address"`
	ServerName  string `json:"serverName"`
	CA          string `json:"ca"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Token       string `json:"token"`
	Insecure    bool   `json:"insecure"`
	tls         *tls.Config
}

func (t *target) read(line []byte) error {
	if err := json.Unmarshal(line, t); err != nil {
		return err
	}
	t.tls = &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return errors.New("no certificate in the target's ca")
		}
	}
	if t.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key))
		if err != nil {
			return err
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// request is one HTTP request; path includes the query.
type request struct {
	method, path, contentType, accept string
	body                              []byte
}

// connection is one HTTP/1.1 connection over TLS, with one request in flight, for one goroutine. It opens itself, again after an
// error. net/http's client would do too, at several times the CPU.
type connection struct {
	t      *target
	socket net.Conn
	in     *bufio.Reader
	out    bytes.Buffer
}

func (c *connection) open() error {
	if c.socket != nil {
		return nil
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	socket, err := tls.DialWithDialer(&dialer, "tcp", c.t.Address, c.t.tls)
	if err != nil {
		return err
	}
	c.socket, c.in = socket, bufio.NewReaderSize(socket, 32<<10)
	return nil
}

func (c *connection) close() {
	if c.socket != nil {
		c.socket.Close()
		c.socket = nil
	}
}

// send leaves the answer's body to be read.
func (c *connection) send(r request) (*http.Response, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	if r.accept == "" {
		r.accept = "application/json"
	}
	c.out.Reset()
	fmt.Fprintf(&c.out, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: %s\r\n", r.method, r.path, c.t.Address, r.accept)
	if c.t.Token != "" {
		fmt.Fprintf(&c.out, "Authorization: Bearer %s\r\n", c.t.Token)
	}
	if r.body != nil {
		if r.contentType == "" {
			r.contentType = "application/json"
		}
		fmt.Fprintf(&c.out, "Content-Type: %s\r\nContent-Length: %d\r\n", r.contentType, len(r.body))
	}
	c.out.WriteString("\r\n")
	c.out.Write(r.body)
	if _, err := c.socket.Write(c.out.Bytes()); err != nil {
		c.close()
		return nil, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.close()
	}
	return response, err
}

// call does a request of which only the size of the answer matters.
func (c *connection) call(r request) (int64, error) {
	response, err := c.send(r)
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= 300 {
		return 0, c.refusal(r, response)
	}
	n, err := io.Copy(io.Discard, response.Body)
	c.finish(response, err)
	return n, err
}

// fetch does a request and gives the answer's body.
func (c *connection) fetch(r request) ([]byte, error) {
	response, err := c.send(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, c.refusal(r, response)
	}
	body, err := io.ReadAll(response.Body)
	c.finish(response, err)
	return body, err
}

func (c *connection) finish(response *http.Response, err error) {
	if err != nil || response.Close {
		c.close()
	}
}

// refusal is an answer other than success.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func (c *connection) refusal(r request, response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	c.finish(response, err)
	if len(body) > 300 {
		body = body[:300]
	}
	return &refusal{response.StatusCode, fmt.Sprintf("%s %s: %s: %s", r.method, r.path, response.Status, body)}
}

func hasStatus(err error, status int) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == status
}
