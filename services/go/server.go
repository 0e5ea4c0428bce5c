package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// lingering is how long a refused caller may take to read why, before what it still sends makes the kernel reset the
// connection.
const lingering = 300 * time.Millisecond

// errReset is returned by a handler to have the connection reset instead of an answer.
var errReset = errors.New("told to reset the connection")

// A handler answers a request whose head has arrived. It reads the body itself; from then on, ctx ends when the caller
// goes away. Any error but a *refusal and errReset closes the connection without an answer.
type handler func(ctx context.Context, r *request) (*answer, error)

// A server accepts connections until it is told to stop, and knows when the last one has ended.
type server struct {
	stopping context.Context // ends with the order to stop
	working  context.Context // ends when what is still in flight then is given up
	tasks    sync.WaitGroup
}

// serve answers the requests that come to the listener. Its connections are closed when they have been idle for as long
// as idleClose says when they fall idle; nil is for ever.
func (s *server) serve(listener *net.TCPListener, handle handler, idleClose func() *time.Duration) {
	context.AfterFunc(s.stopping, func() { listener.Close() })
	s.start(func() {
		for {
			conn, err := listener.AcceptTCP()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // the process has run out of something, which may come back
				time.Sleep(10 * time.Millisecond)
				continue
			}
			c := &connection{s, conn, bufio.NewReader(conn), handle, idleClose}
			s.start(c.serve)
		}
	})
}

func (s *server) start(task func()) {
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		task()
	}()
}

// listen serves IPv4 alone at an IPv4 address, even at 0.0.0.0.
func listen(endpoint string, address netip.AddrPort) (*net.TCPListener, error) {
	network := "tcp6"
	if address.Addr().Is4() {
		network = "tcp4"
	}
	listener, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, fmt.Errorf("cannot serve the %s at %s: %w; is the port in use?", endpoint, address, err)
	}
	return listener, nil
}

type request struct {
	method, protocol string
	host             *string // the authority of the target, or else the header
	path             string  // with its query
	header           header
	framing          framing
	readBody         func() ([]byte, error)
}

func (r *request) keepsAlive() bool {
	if r.protocol == "HTTP/1.0" { // whose chunks are not to be trusted further (RFC 9112, 6.1)
		return r.header.hasToken("connection", "keep-alive") && !r.framing.chunked
	}
	return !r.header.hasToken("connection", "close")
}

// A connection serves one request after the other.
type connection struct {
	server    *server
	conn      *net.TCPConn
	reader    *bufio.Reader
	handle    handler
	idleClose func() *time.Duration
}

func (c *connection) serve() {
	defer c.conn.Close()
	for c.exchange() {
	}
}

// exchange reads a request and answers it. It reports whether the connection can be used again.
func (c *connection) exchange() bool {
	ctx, leave := context.WithCancel(c.server.working)
	defer leave()
	r, err := c.receive()
	// When nobody wants the answer any more, nothing must keep waiting on the connection.
	stillWanted := context.AfterFunc(ctx, func() { c.conn.SetDeadline(longAgo) })
	unwatch := func() {}
	r.readBody = func() ([]byte, error) {
		body, err := c.readBody(r)
		if err == nil {
			unwatch = c.watch(leave)
		}
		return body, err
	}

	var a *answer
	if err == nil {
		a, err = c.handle(ctx, r)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		a = errorAnswer(refused.status, refused.reason)
		a.last = true
	} else if err != nil {
		unwatch()
		if errors.Is(err, errReset) {
			c.conn.SetLinger(0) // closing then resets
		}
		return false
	}
	keepAlive := !a.last && r.keepsAlive() && c.server.stopping.Err() == nil
	if a.ticks != nil && r.protocol == "HTTP/1.0" {
		keepAlive = false // it knows no chunks: the end of the connection is that of the body
	}
	err = c.send(ctx, r, a, keepAlive)
	unwatch()
	if a.last && err == nil {
		c.linger()
	}
	return stillWanted() && err == nil && keepAlive && !a.cut
}

// receive waits for the head of the next request. It never returns nil, so that what is malformed can be answered like
// all else.
func (c *connection) receive() (*request, error) {
	idle := c.idleClose()
	if idle != nil {
		c.conn.SetReadDeadline(time.Now().Add(*idle))
	}
	notStopped := context.AfterFunc(c.server.stopping, func() { c.conn.SetReadDeadline(longAgo) })
	if idle != nil {
		if _, err := c.reader.Peek(1); err != nil {
			return &request{}, err
		}
		c.conn.SetReadDeadline(time.Time{})
		if c.server.stopping.Err() != nil { // its deadline may just have been taken back
			return &request{}, c.server.stopping.Err()
		}
	}
	firstLine, header, err := readHead(c.reader)
	if !notStopped() {
		return &request{}, c.server.stopping.Err()
	}
	if err != nil {
		return &request{}, err
	}
	return parseRequest(firstLine, header)
}

func parseRequest(firstLine string, h header) (*request, error) {
	parts := strings.Split(firstLine, " ")
	if len(parts) != 3 || !isToken(parts[0]) || parts[1] == "" || !isFieldValue(parts[1]) {
		return &request{}, malformed("the request line is malformed")
	}
	if parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0" {
		return &request{}, malformed("the version is neither HTTP/1.0 nor HTTP/1.1")
	}
	if hosts := len(h.values("host")); hosts > 1 || (hosts == 0 && parts[2] == "HTTP/1.1") {
		return &request{}, malformed("an HTTP/1.1 request has exactly one Host header")
	}
	framing, err := h.framing()
	if err != nil {
		return &request{}, err
	}
	r := &request{method: parts[0], protocol: parts[2], host: h.first("host"), header: h, framing: framing}
	authority, path := splitTarget(parts[1])
	r.path = path
	if authority != "" {
		r.host = &authority
	}
	return r, nil
}

func (c *connection) readBody(r *request) ([]byte, error) {
	if err := checkSize(r.framing.length); err != nil {
		return nil, err
	}
	if r.protocol == "HTTP/1.1" && r.header.hasToken("expect", "100-continue") {
		if _, err := c.conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return nil, err
		}
	}
	return readBody(c.reader, r.framing)
}

// watch calls left when the caller closes the connection or its half of it (C24). Whatever it sends meanwhile stays in
// the reader.
func (c *connection) watch(left func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		for err == nil {
			_, err = c.reader.Peek(c.reader.Buffered() + 1)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, bufio.ErrBufferFull) {
			left()
		}
	}()
	return func() {
		c.conn.SetReadDeadline(longAgo)
		<-done
		c.conn.SetReadDeadline(time.Time{})
	}
}

// linger closes the sending half and takes in what the caller still sends, for a while: bytes left unread would turn
// the close into a reset, which overtakes the answer (RFC 9112, 9.6).
func (c *connection) linger() {
	c.conn.CloseWrite()
	c.conn.SetReadDeadline(time.Now().Add(lingering))
	io.CopyN(io.Discard, c.reader, bodyLimit)
}
