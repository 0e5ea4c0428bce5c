package main

import (
	"context"
	"fmt"
	"time"
)

// An answer has a body of a stated length, which is sent at once unless it says otherwise.
type answer struct {
	status statusCode
	header header
	body   []byte
	slow   *slowBody
	ticks  *ticks
	event  func(number uint64) []byte // what comes with each tick, instead of the body
	cut    bool                       // half of the body is missing
	last   bool                       // the connection is closed after it
}

func jsonAnswer(status statusCode, v any) *answer {
	return &answer{status: status, header: header{{"content-type", "application/json"}}, body: encode(v)}
}

func errorAnswer(status statusCode, reason string) *answer {
	return jsonAnswer(status, map[string]string{"error": reason})
}

// send writes an answer, for as long as ctx lasts.
func (c *connection) send(ctx context.Context, r *request, a *answer, keepAlive bool) error {
	head := formatHead(fmt.Sprintf("HTTP/1.1 %d ", a.status), a.head(r, keepAlive))
	body := a.body
	switch {
	case isBodiless(r.method, a.status):
		body = nil
	case a.cut:
		body = body[:len(body)/2]
	case a.ticks != nil:
		return c.sendTicks(ctx, head, a, r.protocol == "HTTP/1.1")
	case a.slow != nil:
		return c.sendSlowly(ctx, head, a)
	}
	_, err := c.conn.Write(append(head, body...))
	return err
}

func isBodiless(method string, status statusCode) bool {
	return method == "HEAD" || status == 204 || status == 304
}

// head returns the header of the answer, with those fields that depend on the connection.
func (a *answer) head(r *request, keepAlive bool) header {
	h := header{{"date", time.Now().UTC().Format(dateFormat)}}
	switch {
	case a.status == 204 || a.status == 304:
	case a.ticks == nil:
		h = append(append(h, a.header...), field{"content-length", fmt.Sprint(len(a.body))})
	case r.protocol == "HTTP/1.1":
		h = append(append(h, a.header...), field{"transfer-encoding", "chunked"})
	default:
		h = append(h, a.header...)
	}
	if !keepAlive {
		h = append(h, field{"connection", "close"})
	} else if r.protocol == "HTTP/1.0" {
		h = append(h, field{"connection", "keep-alive"})
	}
	return h
}

// sendSlowly sends the body in pieces that are evenly spread over time: late ones do not delay those after them.
func (c *connection) sendSlowly(ctx context.Context, head []byte, a *answer) error {
	count := max(1, min(int(a.slow.Pieces), len(a.body)))
	over := a.slow.OverMS.duration()
	pause := over / time.Duration(max(1, count-1))
	started := time.Now()
	next := head
	for i := range count {
		if i > 0 {
			due := started.Add(over - pause*time.Duration(count-1-i))
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		next = append(next, a.body[len(a.body)*i/count:len(a.body)*(i+1)/count]...)
		if _, err := c.conn.Write(next); err != nil {
			return err
		}
		next = nil
	}
	return nil
}

func (c *connection) sendTicks(ctx context.Context, head []byte, a *answer, chunked bool) error {
	next := head
	count := uint64(a.ticks.Count)
	for number := uint64(1); number <= count; number++ {
		if number > 1 {
			if err := sleep(ctx, a.ticks.EveryMS.duration()); err != nil {
				return err
			}
		}
		event := a.event(number)
		if chunked {
			event = fmt.Appendf(nil, "%x\r\n%s\r\n", len(event), event)
		}
		if chunked && number == count {
			event = append(event, "0\r\n\r\n"...)
		}
		if _, err := c.conn.Write(append(next, event...)); err != nil {
			return err
		}
		next = nil
	}
	return nil
}

// sleep lasts for d, and never for less, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
