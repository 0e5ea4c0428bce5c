package main

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// errFull is for a request that finds too many others waiting.
var errFull = errors.New("the queue is full")

// A capacity lets so many requests work at once; others queue for their turn, first come, first served (C33). A nil one
// has no bounds.
type capacity struct {
	bounds
	mu      sync.Mutex
	working positive
	queued  list.List // of chan struct{}, each closed when its turn comes
}

// enter takes a place, which leave gives back. It waits for one if need be, but not when ctx ends or the queue is full.
func (c *capacity) enter(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	if c.working < c.AtOnce {
		c.working++
		c.mu.Unlock()
		return nil
	}
	if c.queued.Len() >= int(c.Queue) {
		c.mu.Unlock()
		return errFull
	}
	turn := make(chan struct{})
	position := c.queued.PushBack(turn)
	c.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		c.giveUp(position, turn)
		return ctx.Err()
	}
}

// giveUp leaves the queue, or the place when the turn has come at the same time.
func (c *capacity) giveUp(position *list.Element, turn chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-turn:
		c.passOn()
	default:
		c.queued.Remove(position)
	}
}

func (c *capacity) leave() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passOn()
}

// passOn gives a place to whoever has queued for longest, so that nobody can slip in between.
func (c *capacity) passOn() {
	if first := c.queued.Front(); first != nil {
		close(c.queued.Remove(first).(chan struct{}))
	} else {
		c.working--
	}
}
