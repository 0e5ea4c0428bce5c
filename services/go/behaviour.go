package main

import (
	"math/rand/v2"
	"sync"
	"time"
)

type ending int

const (
	endsInAnswer ending = iota
	endsInResetBefore
	endsInHang
	endsInFailure
	endsInResetAfter
	endsInTruncation
)

// A plan says what will happen to one request (C14).
type plan struct {
	handling  uint64 // the number of the request, from 1
	behaviour *behaviour
	ending    ending
	status    statusCode
	latency   time.Duration
	capacity  *capacity
}

// A behaving knows how the service behaves at the moment, and what has to be remembered for that.
type behaving struct {
	mu        sync.Mutex
	random    *rand.Rand
	behaviour *behaviour
	attempts  recent[uint32] // by request id
	arrivals  int            // since the behaviour changed
	capacity  *capacity
	handlings uint64
}

func newBehaving(b *behaviour, seed uint64) *behaving {
	behaving := &behaving{random: rand.New(rand.NewPCG(seed, 0))}
	behaving.replace(b)
	return behaving
}

// replace changes the behaviour for the requests that arrive from now on.
func (b *behaving) replace(behaviour *behaviour) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.behaviour, b.attempts, b.arrivals, b.capacity = behaviour, recent[uint32]{}, 0, nil
	if behaviour.Capacity != nil {
		b.capacity = &capacity{bounds: *behaviour.Capacity}
	}
}

func (b *behaving) idleClose() *time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.behaviour.IdleClose == nil {
		return nil
	}
	after := b.behaviour.IdleClose.MS.duration()
	return &after
}

// decide numbers a request that has just arrived and decides about it, in one step, so that requests are decided in the
// order of their numbers. Every fault that is configured draws and counts, whether or not another one decides.
func (b *behaving) decide(requestID *string) plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	current := b.behaviour
	resetBefore := b.happens(current.ResetBefore)
	failsByChance := current.FailShare != nil && b.happens(&current.FailShare.Share)
	resetAfter := b.happens(current.ResetAfter)
	truncated := b.happens(current.Truncate)
	isFirst := current.FailFirst != nil && b.countAttempt(requestID) <= current.FailFirst.Attempts
	inPattern := current.FailPattern != nil && current.FailPattern.fails(b.arrivals)
	b.arrivals++
	b.handlings++

	p := plan{handling: b.handlings, behaviour: current, status: 200, latency: b.drawLatency(), capacity: b.capacity}
	if current.Status != nil {
		p.status = *current.Status
	}
	switch {
	case resetBefore:
		p.ending = endsInResetBefore
	case current.Hang:
		p.ending = endsInHang
	case isFirst:
		p.ending, p.status = endsInFailure, current.FailFirst.Status
	case inPattern:
		p.ending, p.status = endsInFailure, current.FailPattern.Status
	case failsByChance:
		p.ending, p.status = endsInFailure, current.FailShare.Status
	case resetAfter:
		p.ending = endsInResetAfter
	case truncated:
		p.ending = endsInTruncation
	}
	return p
}

func (b *behaving) happens(share *probability) bool {
	return share != nil && b.random.Float64() < float64(*share)
}

// fails tells about the request before which so many have arrived since the behaviour changed.
func (f *failPattern) fails(arrivals int) bool { return f.Pattern[arrivals%len(f.Pattern)] == 'x' }

// countAttempt tells which attempt of its request this is, from 1.
func (b *behaving) countAttempt(requestID *string) uint32 {
	if requestID == nil {
		return 1
	}
	before, _ := b.attempts.get(*requestID)
	b.attempts.put(*requestID, before+1)
	return before + 1
}

func (b *behaving) drawLatency() time.Duration {
	switch l := b.behaviour.Latency; {
	case l == nil:
		return 0
	case l.Fixed != nil:
		return l.Fixed.MS.duration()
	default:
		return l.Percentiles.at(b.random.Float64()).duration()
	}
}

// at is the quantile of a rank from 0 to 1: linear between the percentiles, and flat after the last (C16).
func (p *percentiles) at(rank float64) milliseconds {
	points := []struct {
		rank float64
		ms   milliseconds
	}{{0, 0}, {0.5, p.P50MS}, {0.9, p.P90MS}, {0.99, p.P99MS}}
	for i, high := range points[1:] {
		if low := points[i]; rank < high.rank {
			return low.ms + (high.ms-low.ms)*milliseconds((rank-low.rank)/(high.rank-low.rank))
		}
	}
	return p.P99MS
}
