package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A bootstrap is the first line that the service reads (C1).
type bootstrap struct {
	Service    string                    `field:"service"`
	Version    string                    `field:"version"`
	Instance   string                    `field:"instance"`
	Listen     netip.AddrPort            `field:"listen"`
	Control    controlEndpoint           `field:"control"`
	Proxy      *netip.AddrPort           `field:"proxy"`
	Addresses  map[string]netip.AddrPort `field:"addresses"`
	Calls      []call                    `field:"calls"`
	CallOrder  callOrder                 `field:"call_order"`
	Behaviour  behaviour                 `field:"behaviour"`
	Seed       uint64                    `field:"seed"`
	FirstCalls []call                    `field:"first_calls,defaulted"`
	OwnRetries bool                      `field:"own_retries,defaulted"`
}

type controlEndpoint struct {
	Listen netip.AddrPort `field:"listen"`
	Token  string         `field:"token"`
}

type callOrder string

func (o callOrder) check() error {
	return unless(o == "sequence" || o == "parallel", "must be sequence or parallel")
}

// A call is one to another service (C8), with its URL taken apart once it has been read.
type call struct {
	Method  string            `field:"method"`
	URL     string            `field:"url"`
	Headers map[string]string `field:"headers,defaulted"`
	Body    *string           `field:"body"`

	host, authority, target string
	header                  header
}

// reserved are the headers that a call cannot have: the service sets them itself, or never sends them.
var reserved = []string{"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"}

func (c *call) check() error {
	if !isToken(c.Method) || c.Method == "CONNECT" {
		return errors.New("must have a method that is a token and not CONNECT")
	}
	for name, value := range c.Headers {
		if !isToken(name) || slices.Contains(reserved, strings.ToLower(name)) || !isFieldValue(value) {
			return fmt.Errorf("must not have the header `%s`, which is malformed or the service's own affair", name)
		}
		c.header = append(c.header, field{name, value})
	}
	// A map has no order, and a call must look the same whenever it is made.
	slices.SortFunc(c.header, func(a, b field) int { return strings.Compare(a.name, b.name) })

	parsed, err := url.Parse(c.URL)
	isPrintable := !strings.ContainsFunc(c.URL, func(r rune) bool { return r <= ' ' || r > '~' })
	if err != nil || !isPrintable || parsed.Scheme != "http" || parsed.User != nil || strings.Contains(c.URL, "#") {
		return errors.New("must have an absolute http URL without user information and fragment")
	}
	_, err = strconv.ParseUint(parsed.Port(), 10, 16)
	if parsed.Hostname() == "" || (err != nil && parsed.Port() != "") {
		return errors.New("must have a URL with a host, and no port beyond 65535")
	}
	c.host = parsed.Hostname()
	c.authority, c.target = splitTarget(c.URL)
	return nil
}

// A behaviour says how the service answers (C14).
type behaviour struct {
	Status      *statusCode   `field:"status"`
	Latency     *latency      `field:"latency"`
	FailFirst   *failFirst    `field:"fail_first"`
	FailPattern *failPattern  `field:"fail_pattern"`
	FailShare   *failShare    `field:"fail_share"`
	ResetBefore *probability  `field:"reset_before"`
	ResetAfter  *probability  `field:"reset_after"`
	Truncate    *probability  `field:"truncate"`
	Hang        bool          `field:"hang,defaulted"`
	SlowBody    *slowBody     `field:"slow_body"`
	Ticks       *ticks        `field:"ticks"`
	Capacity    *bounds       `field:"capacity"`
	Effect      *effectRule   `field:"effect"`
	IdleClose   *fixedLatency `field:"idle_close"`
	DropTrace   bool          `field:"drop_trace,defaulted"`
}

type latency struct {
	Fixed       *fixedLatency `field:"fixed,defaulted"`
	Percentiles *percentiles  `field:"percentiles,defaulted"`
}

func (l *latency) check() error {
	return unless((l.Fixed == nil) != (l.Percentiles == nil), "must be either fixed or given by percentiles")
}

type fixedLatency struct {
	MS milliseconds `field:"ms"`
}

type percentiles struct {
	P50MS milliseconds `field:"p50_ms"`
	P90MS milliseconds `field:"p90_ms"`
	P99MS milliseconds `field:"p99_ms"`
}

func (p *percentiles) check() error {
	return unless(p.P50MS <= p.P90MS && p.P90MS <= p.P99MS, "must not fall: p50_ms <= p90_ms <= p99_ms")
}

type failFirst struct {
	Attempts uint32     `field:"attempts"`
	Status   statusCode `field:"status"`
}

type failPattern struct {
	Pattern string     `field:"pattern"`
	Status  statusCode `field:"status"`
}

func (f *failPattern) check() error {
	isUsable := 1 <= len(f.Pattern) && len(f.Pattern) <= 1000 && strings.Trim(f.Pattern, ".x") == ""
	return unless(isUsable, "must have a pattern of 1 to 1,000 characters, each `.` or `x`")
}

type failShare struct {
	Share  probability `field:"share"`
	Status statusCode  `field:"status"`
}

type slowBody struct {
	Pieces positive     `field:"pieces"`
	OverMS milliseconds `field:"over_ms"`
}

type ticks struct {
	Count   positive     `field:"count"`
	EveryMS milliseconds `field:"every_ms"`
}

func (t *ticks) check() error {
	return unless(t.Count <= 1_000_000, "must have a count of at most 1,000,000")
}

type bounds struct {
	AtOnce positive   `field:"at_once"`
	Queue  uint32     `field:"queue"`
	Status statusCode `field:"status"`
}

type effectRule struct {
	OncePerKey bool `field:"once_per_key"`
}

// A statusCode is a final one in what is read; other services may answer with any.
type statusCode uint16

func (s statusCode) check() error { return unless(200 <= s && s <= 599, "must be from 200 to 599") }

func (s statusCode) isSuccess() bool { return 200 <= s && s <= 299 }

func (s statusCode) isServerError() bool { return 500 <= s && s <= 599 }

type positive uint32

func (p positive) check() error { return unless(p > 0, "must be at least 1") }

type probability float64

func (p probability) check() error { return unless(0 <= p && p <= 1, "must be from 0 to 1") }

type milliseconds float64

func (m milliseconds) check() error {
	return unless(0 <= m && m <= 3_600_000, "must be from 0 to 3,600,000")
}

// duration is rounded up: what is to last for so long never lasts for less.
func (m milliseconds) duration() time.Duration {
	return time.Duration(math.Ceil(float64(m) * float64(time.Millisecond)))
}

func unless(holds bool, complaint string) error {
	if holds {
		return nil
	}
	return errors.New(complaint)
}
