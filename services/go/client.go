package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

// idleLimit is how many idle connections are kept for one address.
const idleLimit = 256

// A client makes calls, each in one attempt and for as long as it takes, over connections that are kept alive (C8 to
// C13).
type client struct {
	proxy     *netip.AddrPort
	addresses map[string]netip.AddrPort

	mu   sync.Mutex
	idle map[netip.AddrPort][]*upstream
}

// A callResult is what came of a call: an answer, or an error.
type callResult struct {
	URL       string            `json:"url"`
	Status    *statusCode       `json:"status"`
	Error     *string           `json:"error"`
	Headers   map[string]string `json:"headers"`
	Body      any               `json:"body"`
	ElapsedUs int64             `json:"elapsed_us"`
}

func newClient(b bootstrap) *client {
	return &client{proxy: b.Proxy, addresses: b.Addresses, idle: map[netip.AddrPort][]*upstream{}}
}

// call makes one call. When ctx ends before it has its answer, its connection is closed, which tells the other side.
func (c *client) call(ctx context.Context, call *call, copied header) callResult {
	started := time.Now()
	result := callResult{URL: call.URL, Headers: map[string]string{}}
	response, err := c.exchange(ctx, call, copied)
	if err != nil {
		message := err.Error()
		result.Error = &message
	} else {
		result.Status = &response.status
		result.Headers = response.header.joined()
		result.Body = jsonOrText(response.body)
	}
	result.ElapsedUs = time.Since(started).Microseconds()
	return result
}

func jsonOrText(body []byte) any {
	if utf8.Valid(body) && json.Valid(body) {
		return json.RawMessage(body)
	}
	return string(body)
}

func (c *client) exchange(ctx context.Context, call *call, copied header) (*response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	address, ok := c.addresses[call.host]
	if c.proxy != nil {
		address, ok = *c.proxy, true
	}
	if !ok {
		return nil, fmt.Errorf("there is no address for `%s`, and no proxy to ask", call.host)
	}
	u, err := c.connect(ctx, address)
	if err != nil {
		return nil, err
	}
	response, reusable, err := u.exchange(ctx, call.Method, c.format(call, copied))
	if err != nil {
		u.conn.Close()
		return nil, fmt.Errorf("no usable answer from %s: %w", address, err)
	}
	c.keep(address, u, reusable)
	return response, nil
}

// format returns the request as it is sent: in absolute form to a proxy, in origin form otherwise (RFC 9112, 3.2).
func (c *client) format(call *call, copied header) []byte {
	target := call.target
	if c.proxy != nil {
		target = "http://" + call.authority + target
	}
	h := header{{"host", call.authority}}
	for _, field := range copied {
		if call.header.first(strings.ToLower(field.name)) == nil {
			h = append(h, field)
		}
	}
	h = append(h, call.header...)
	body := ""
	if call.Body != nil {
		body = *call.Body
	}
	if body != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, call.Method) {
		h = append(h, field{"content-length", strconv.Itoa(len(body))})
	}
	return append(formatHead(call.Method+" "+target+" HTTP/1.1", h), body...)
}

// connect takes an idle connection that the other side has not closed, or else opens a new one.
func (c *client) connect(ctx context.Context, address netip.AddrPort) (*upstream, error) {
	for u := c.takeIdle(address); u != nil; u = c.takeIdle(address) {
		if u.isOpen() {
			return u, nil
		}
		u.conn.Close()
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	return &upstream{conn.(*net.TCPConn), bufio.NewReader(conn)}, nil
}

func (c *client) takeIdle(address netip.AddrPort) *upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	idle := c.idle[address]
	if len(idle) == 0 {
		return nil
	}
	last := len(idle) - 1
	c.idle[address] = idle[:last]
	return idle[last]
}

func (c *client) keep(address netip.AddrPort, u *upstream, reusable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !reusable || len(c.idle[address]) == idleLimit {
		u.conn.Close()
		return
	}
	c.idle[address] = append(c.idle[address], u)
}

// An upstream is a connection to another service or to the proxy, for one request at a time.
type upstream struct {
	conn   *net.TCPConn
	reader *bufio.Reader
}

type response struct {
	protocol string
	status   statusCode
	header   header
	body     []byte
}

var statusLine = regexp.MustCompile(`^(HTTP/1\.[01]) ([1-9][0-9]{2})(?: |$)`)

// exchange sends a request and reads its answer. The connection must be closed after an error, and if it is not
// reusable.
func (u *upstream) exchange(ctx context.Context, method string, request []byte) (r *response, reusable bool, err error) {
	stillWanted := context.AfterFunc(ctx, func() { u.conn.SetDeadline(longAgo) })
	defer func() { reusable = stillWanted() && reusable }()
	if _, err = u.conn.Write(request); err != nil {
		return nil, false, err
	}
	r, err = u.readFinalHead()
	if err != nil {
		return nil, false, err
	}
	framing, err := r.header.framing()
	if err != nil {
		return nil, false, err
	}
	reusable = r.protocol == "HTTP/1.1" && !r.header.hasToken("connection", "close")
	switch {
	case isBodiless(method, r.status):
	case framing.stated || framing.chunked:
		r.body, err = readBody(u.reader, framing)
	default:
		reusable = false
		r.body, err = io.ReadAll(io.LimitReader(u.reader, bodyLimit+1))
		err = errors.Join(err, checkSize(uint64(len(r.body))))
	}
	return r, reusable && u.reader.Buffered() == 0, err
}

// readFinalHead reads heads until one is not of an interim answer.
func (u *upstream) readFinalHead() (*response, error) {
	for {
		firstLine, header, err := readHead(u.reader)
		if err != nil {
			return nil, err
		}
		matched := statusLine.FindStringSubmatch(firstLine)
		if matched == nil || matched[2] == "101" { // which nobody has offered
			return nil, fmt.Errorf("the status line is malformed, or it switches protocols: %.80q", firstLine)
		}
		if status, _ := strconv.Atoi(matched[2]); status >= 200 {
			return &response{protocol: matched[1], status: statusCode(status), header: header}, nil
		}
	}
}

// isOpen tells whether the other side has neither closed an idle connection nor sent anything on it. It asks the
// kernel, which knows before a goroutine could be told.
func (u *upstream) isOpen() bool {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return false
	}
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		_, readErr = syscall.Read(int(fd), make([]byte, 1))
		return true
	})
	return err == nil && (readErr == syscall.EAGAIN || readErr == syscall.EWOULDBLOCK)
}
