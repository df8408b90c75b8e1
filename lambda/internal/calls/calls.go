// Package calls limits the calls to the provider about access tokens: one call for
// a burst of requests with one token, a few calls at the same time, and none while
// an answer is remembered. Errors are not remembered.
package calls

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// timeout bounds a call with its one repetition, below the five seconds that the
// authorizer may take.
const timeout = 4500 * time.Millisecond

// maxCalls bounds the calls that run at the same time. Others wait until their
// time is up.
const maxCalls = 8

// RefusedFor is how long to remember a refusal: short, since a provider whose nodes
// lag may not know a new token yet.
const RefusedFor = 5 * time.Second

// ID names a question.
type ID [sha256.Size]byte

// IDOf returns the id of a question about a token. It is a hash, because memory may
// be dumped.
func IDOf(token, question string) ID { return sha256.Sum256([]byte(token + "\x00" + question)) }

// Answer is an answer of the provider.
type Answer[T any] struct {
	Value T
	Err   error // of a refusal that is remembered
	// Refused has a cache of its own: a flood of refusals must not push out the
	// answers of active tokens.
	Refused bool
	Until   time.Time // when the answer is forgotten
}

// Calls are the calls of one client. It is safe for concurrent use.
type Calls[T any] struct {
	now          func() time.Time
	yes, refused cache[T]
	flight       singleflight.Group
	running      chan struct{} // one element for each running call
}

// New returns calls with a clock.
func New[T any](now func() time.Time) *Calls[T] {
	return &Calls[T]{now: now, running: make(chan struct{}, maxCalls)}
}

func (c *Calls[T]) remembered(id ID) (Answer[T], bool) {
	now := c.now()
	if a, ok := c.yes.get(id, now); ok {
		return a, true
	}
	return c.refused.get(id, now)
}

// Do returns the answer to a question: a remembered one, that of a call on its way,
// or that of call.
func (c *Calls[T]) Do(ctx context.Context, id ID, call func(context.Context) (Answer[T], error)) (T, error) {
	if a, ok := c.remembered(id); ok {
		return a.Value, a.Err
	}
	done := c.flight.DoChan(string(id[:]), func() (any, error) {
		// Another caller's call may have ended since.
		if a, ok := c.remembered(id); ok {
			return a, nil
		}
		// Not the context of the caller that happened to be first: the others
		// must not fail with it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		select {
		case c.running <- struct{}{}:
			defer func() { <-c.running }()
		case <-ctx.Done():
			return Answer[T]{}, errors.New("calls: too many are running")
		}
		a, err := call(ctx)
		switch {
		case err != nil:
		case a.Refused:
			c.refused.put(id, a, c.now())
		default:
			c.yes.put(id, a, c.now())
		}
		return a, err
	})
	select {
	case result := <-done:
		a := result.Val.(Answer[T])
		if result.Err != nil {
			return a.Value, result.Err
		}
		return a.Value, a.Err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("calls: %w", ctx.Err())
	}
}
