// The sample service in Go, with nothing but the standard library.
//
// It does what services/CONTRACT.md says; numbers such as C24 are its clauses. What happens to a request is in
// application.go, how it comes and is answered in server.go and answer.go, on top of http1.go. behaviour.go decides
// what will happen to it, capacity.go when its turn comes, and ledger.go writes it down. client.go makes calls,
// retry.go makes them again. contract.go is what the service is told, json.go how that is read, and control.go how it
// is changed.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	bootstrapLimit = 1024 * 1024
	drain          = 5 * time.Second
	grace          = 500 * time.Millisecond // for what is given up then to be written down
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // see record
	if err := run(bufio.NewReaderSize(os.Stdin, bootstrapLimit+1)); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run serves until it is told to stop, and a little longer for what is in flight (C1 to C3).
func run(input *bufio.Reader) error {
	line, err := input.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("the bootstrap is longer than %d bytes", bootstrapLimit)
	}
	var b bootstrap
	if err := read(line, "bootstrap", &b); err != nil {
		return fmt.Errorf("%w; the first line of standard input must be as services/CONTRACT.md says in C1", err)
	}
	applicationListener, err := listen("application", b.Listen)
	if err != nil {
		return err
	}
	controlListener, err := listen("control endpoint", b.Control.Listen)
	if err != nil {
		return err
	}

	stopping := whenTold(input)
	working, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	s := &server{stopping: stopping, working: working}
	client := newClient(b)
	behaving := newBehaving(&b.Behaviour, b.Seed)
	application := newApplication(b, behaving, client, stopping)
	control := &control{b.Control.Token, behaving, client}
	record("listening", fields{
		"application": applicationListener.Addr().String(), "control": controlListener.Addr().String(),
	})
	s.serve(applicationListener, application.handle, behaving.idleClose)
	s.serve(controlListener, control.handle, func() *time.Duration { return nil })
	s.start(func() { makeFirstCalls(stopping, client, b.FirstCalls) })

	<-stopping.Done()
	drained := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(drained)
	}()
	select {
	case <-drained:
		return nil
	case <-time.After(drain):
	}
	giveUp()
	select {
	case <-drained:
	case <-time.After(grace):
	}
	return nil
}

// whenTold returns a context that ends with the input or on SIGTERM, which are the order to stop (C3). Both may come.
func whenTold(input io.Reader) context.Context {
	stopping, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		stop()
	}()
	go func() {
		io.Copy(io.Discard, input) // an error ends the input as well
		stop()
	}()
	return stopping
}

// makeFirstCalls makes calls one after the other, as they would be made on demand (C39).
func makeFirstCalls(ctx context.Context, client *client, calls []call) {
	for i := range calls {
		result := client.call(ctx, &calls[i], nil)
		if ctx.Err() != nil {
			return
		}
		record("first_call", fields{
			"number": i + 1, "at_us": now(), "url": result.URL, "status": result.Status, "error": result.Error,
		})
	}
}
