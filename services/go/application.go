package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

var (
	propagated = []string{"x-request-id", "x-hallway-request", "idempotency-key"}
	traced     = append(slices.Clone(propagated), "traceparent", "tracestate")
	effective  = []string{"POST", "PUT", "PATCH", "DELETE"}
)

// A caller makes a call, with copies of a request's header.
type caller interface {
	call(ctx context.Context, c *call, copied header) callResult
}

// An application answers everybody, in the way that it has been told to (C7).
type application struct {
	ledger     *ledger
	behaving   *behaving
	calls      []call
	inParallel bool
	caller     caller
	stopping   context.Context
}

func newApplication(b bootstrap, behaving *behaving, client *client, stopping context.Context) *application {
	a := &application{
		ledger:     &ledger{identity: identity{b.Service, b.Version, b.Instance}},
		behaving:   behaving,
		calls:      b.Calls,
		inParallel: b.CallOrder == "parallel",
		caller:     client,
		stopping:   stopping,
	}
	if b.OwnRetries {
		a.caller = retrier{client}
	}
	return a
}

// An echo is what an answer says.
type echo struct {
	identity
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Host     *string           `json:"host"`
	Protocol string            `json:"protocol"`
	Headers  map[string]string `json:"headers"`
	Calls    []callResult      `json:"calls"`
	Effect   *effect           `json:"effect"`
}

// handle handles one request. Both its records are written here, whatever becomes of it.
func (a *application) handle(ctx context.Context, r *request) (*answer, error) {
	requestID := r.header.first("x-request-id")
	if requestID == nil {
		requestID = r.header.first("x-hallway-request")
	}
	p := a.behaving.decide(requestID)
	a.ledger.recordReceived(p.handling, r)
	answer, err := a.respond(ctx, r, p)

	var refused *refusal
	switch {
	case err == nil && answer.cut:
		a.ledger.recordFinished(p.handling, "truncated", &answer.status)
	case err == nil:
		a.ledger.recordFinished(p.handling, "answered", &answer.status)
	case errors.As(err, &refused):
		a.ledger.recordFinished(p.handling, "answered", &refused.status)
	case errors.Is(err, errReset) && p.ending == endsInResetBefore:
		a.ledger.recordFinished(p.handling, "reset_before", nil)
	case errors.Is(err, errReset):
		a.ledger.recordFinished(p.handling, "reset_after", nil)
	default:
		a.ledger.recordFinished(p.handling, "cancelled", nil)
	}
	return answer, err
}

// respond does what has been planned for a request.
func (a *application) respond(ctx context.Context, r *request, p plan) (*answer, error) {
	if r.method == "CONNECT" {
		return nil, &refusal{405, "this service is no proxy"}
	}
	if _, err := r.readBody(); err != nil {
		return nil, err
	}
	switch p.ending {
	case endsInResetBefore:
		return nil, errReset
	case endsInHang:
		select {
		case <-a.stopping.Done():
		case <-ctx.Done():
		}
		return nil, context.Canceled
	}
	done, err := a.work(ctx, r, p)
	switch {
	case errors.Is(err, errFull):
		p.ending, done.status = endsInFailure, p.capacity.Status
	case err != nil:
		return nil, err
	case p.ending == endsInResetAfter:
		return nil, errReset
	}
	return a.answer(r, p, done), nil
}

// A result is what the work on a request has come to, or would have.
type result struct {
	status statusCode
	calls  []callResult
	effect *effect
}

// work waits, makes the calls and has the effect, in a place of its own among those at work (C33).
func (a *application) work(ctx context.Context, r *request, p plan) (result, error) {
	if err := p.capacity.enter(ctx); err != nil {
		return result{}, err
	}
	defer p.capacity.leave()
	if err := sleep(ctx, p.latency); err != nil || p.ending == endsInFailure {
		return result{status: p.status}, err
	}
	calls := a.makeCalls(ctx, r, p)
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	done := result{status: relayed(p.status, calls), calls: calls}
	rule := p.behaviour.Effect
	if rule != nil && done.status.isSuccess() && slices.Contains(effective, r.method) {
		done.effect = a.ledger.recordEffect(p.handling, r.header.first("idempotency-key"), rule.OncePerKey)
	}
	return done, nil
}

func (a *application) makeCalls(ctx context.Context, r *request, p plan) []callResult {
	names := traced
	if p.behaviour.DropTrace {
		names = propagated
	}
	copied := slices.DeleteFunc(slices.Clone(r.header), func(f field) bool {
		return !slices.Contains(names, strings.ToLower(f.name))
	})
	results := make([]callResult, len(a.calls))
	var made sync.WaitGroup
	for i := range a.calls {
		made.Add(1)
		go func() {
			defer made.Done()
			results[i] = a.caller.call(ctx, &a.calls[i], copied)
		}()
		if !a.inParallel {
			made.Wait()
		}
	}
	made.Wait()
	return results
}

// relayed is the worst server error among the calls, of which one without an answer counts as 502, or else the
// service's own status (C13).
func relayed(own statusCode, calls []callResult) statusCode {
	worst := statusCode(0)
	for _, call := range calls {
		if call.Status == nil {
			worst = max(worst, 502)
		} else if call.Status.isServerError() {
			worst = max(worst, *call.Status)
		}
	}
	if worst == 0 {
		return own
	}
	return worst
}

func (a *application) answer(r *request, p plan, done result) *answer {
	if done.calls == nil {
		done.calls = []callResult{} // no calls are an empty array, not null
	}
	answer := jsonAnswer(done.status, echo{
		a.ledger.identity, r.method, r.path, r.host, r.protocol, r.header.joined(), done.calls, done.effect,
	})
	answer.cut = p.ending == endsInTruncation && !isBodiless(r.method, done.status)
	answer.slow = p.behaviour.SlowBody
	if p.behaviour.Ticks != nil && done.status.isSuccess() && !answer.cut {
		answer.ticks, answer.event = p.behaviour.Ticks, a.event
		answer.header = header{{"content-type", "text/event-stream"}}
	}
	return answer
}

// event is one server-sent event (C35).
func (a *application) event(number uint64) []byte {
	data := encode(struct {
		identity
		Number uint64 `json:"number"`
	}{a.ledger.identity, number})
	return fmt.Appendf(nil, "id: %d\ndata: %s\n\n", number, data)
}
