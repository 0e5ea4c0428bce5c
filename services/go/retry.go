package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// ANCHOR: numbers
const (
	maxAttempts = 3
	patience    = 2 * time.Second
	pause       = 15 * time.Millisecond // after the first attempt; once more of it after each
)

// ANCHOR_END: numbers

var errTimedOut = fmt.Errorf("timed out after %v", patience)

// A retrier makes calls again that have failed, the way this team thinks that it should be done (C40).
type retrier struct {
	client *client
}

func (r retrier) call(ctx context.Context, c *call, copied header) callResult {
	started := time.Now()
	result := r.attempt(ctx, c, copied)
	for n := 1; n < maxAttempts && isRepeatable(c.Method) && isTransient(result); n++ {
		if sleep(ctx, time.Duration(n)*pause) != nil {
			break
		}
		result = r.attempt(ctx, c, copied)
	}
	result.ElapsedUs = time.Since(started).Microseconds()
	return result
}

func (r retrier) attempt(ctx context.Context, c *call, copied header) callResult {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(patience, func() { cancel(errTimedOut) }).Stop()
	result := r.client.call(ctx, c, copied)
	if result.Error != nil && context.Cause(ctx) == errTimedOut {
		message := errTimedOut.Error()
		result.Error = &message
	}
	return result
}

func isRepeatable(method string) bool {
	return slices.Contains([]string{"GET", "HEAD", "PUT", "DELETE"}, method)
}

func isTransient(result callResult) bool {
	return result.Status == nil || slices.Contains([]statusCode{502, 503, 504}, *result.Status)
}
