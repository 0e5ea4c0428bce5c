package main

import (
	"os"
	"strconv"
	"sync"
	"time"
)

type fields map[string]any

// record writes one line to standard output, in one write and past all buffers: a kill loses none that was written
// (C23). That nobody reads any more is no reason to stop serving, so an error is none.
func record(kind string, f fields) {
	f["record"] = kind
	os.Stdout.Write(append(encode(f), '\n'))
}

// A ledger writes down what arrives and how it ends (C22).
type ledger struct {
	identity

	mu      sync.Mutex
	effects uint64
	numbers recent[uint64] // of the effects, by key
}

type identity struct {
	Service  string `json:"service"`
	Version  string `json:"version"`
	Instance string `json:"instance"`
}

// An effect is what an answer says about the effect of its request (C36).
type effect struct {
	Number   uint64  `json:"number"`
	Key      *string `json:"key"`
	Repeated bool    `json:"repeated"`
}

func (l *ledger) recordReceived(handling uint64, r *request) {
	record("received", fields{
		"handling":    handling,
		"service":     l.Service,
		"version":     l.Version,
		"instance":    l.Instance,
		"at_us":       now(),
		"method":      r.method,
		"path":        r.path,
		"request_id":  r.header.first("x-request-id"),
		"correlation": r.header.first("x-hallway-request"),
		"attempt":     attempt(r.header.first("x-envoy-attempt-count")),
		"client_cert": r.header.first("x-forwarded-client-cert"),
		"traceparent": r.header.first("traceparent"),
	})
}

func attempt(text *string) *uint64 {
	if text == nil {
		return nil
	}
	number, err := strconv.ParseUint(*text, 10, 32)
	if err != nil {
		return nil
	}
	return &number
}

// recordEffect records an effect, unless it is to happen once per key and has. Keys are remembered whether or not that
// is asked for now.
func (l *ledger) recordEffect(handling uint64, key *string, oncePerKey bool) *effect {
	l.mu.Lock() // also while it is written: whoever repeats an effect answers after its record
	defer l.mu.Unlock()
	if oncePerKey && key != nil {
		if number, repeated := l.numbers.get(*key); repeated {
			return &effect{number, key, true}
		}
	}
	l.effects++
	record("effect", fields{"handling": handling, "at_us": now(), "number": l.effects, "key": key})
	if key != nil {
		l.numbers.put(*key, l.effects)
	}
	return &effect{l.effects, key, false}
}

// recordFinished is for each request that has been received, once; status is nil when it gets no answer.
func (l *ledger) recordFinished(handling uint64, outcome string, status *statusCode) {
	record("finished", fields{"handling": handling, "at_us": now(), "outcome": outcome, "status": status})
}

// now is in microseconds since the Unix epoch.
func now() int64 { return time.Now().UnixMicro() }
