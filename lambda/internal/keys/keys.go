// Package keys gets the key ring that seals the cookies: from the environment,
// or from Secrets Manager with its version stages.
//
// With Secrets Manager, the versions AWSCURRENT and AWSPREVIOUS open, so that
// the key can be rotated under traffic. AWSCURRENT seals once it is ten minutes
// old, and AWSPREVIOUS until then (settle.go). The ring is read at start. If
// that fails, the Lambda ends, because it cannot decide without keys. After that
// the ring is read again
//
//   - when a cookie names a key that the ring does not have, at most three
//     times in half a minute, so that made-up cookies do not cause many calls
//     to Secrets Manager,
//   - every five minutes of use, and
//   - when AWSCURRENT is ten minutes old, before it begins to seal: it may have
//     been replaced, and then the cookies of its predecessor must end.
//
// If that fails, the ring keeps its keys. They were valid, and refusing every
// session while Secrets Manager is unavailable would help no user.
//
// # Why not the AWS SDK, nor the Lambda extension
//
// The one call needed, GetSecretValue, is a signed POST of the standard library
// (package sigv4). The SDK would make the authorizer 3 MB larger; the AWS Parameters
// and Secrets Lambda extension is a second process with a start of its own, a
// layer of an ARN that differs by region and processor, and caches for five
// minutes without a way to ask again for a key that is new.
package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

const (
	maxAge = 5 * time.Minute
	// A burst of tries, so that two rotations in a row are no problem.
	maxTries  = 3
	triesIn   = 30 * time.Second
	fetchTime = 3 * time.Second
)

// Ring returns the key ring of the settings. Credentials and region for
// Secrets Manager come from the environment that Lambda sets.
func Ring(s settings.Shared, now func() time.Time) (*cookie.Ring, error) {
	if s.CookieKey.SecretARN == "" {
		return cookie.NewRing(s.CookieKey.Key.Reveal())
	}
	client, err := newClient(s.CookieKey.SecretARN, os.Getenv, now)
	if err != nil {
		return nil, err
	}
	return renewing(client.get, now)
}

// CookieOptions returns the options of the cookies of the settings. The
// deployment is that of [settings.DeploymentOf].
func CookieOptions(s settings.Shared, deployment string) cookie.Options {
	return cookie.Options{
		Prefix: s.Cookies.NamePrefix, Curity: s.Cookies.Format == settings.FormatCurity, Domain: s.Cookies.Domain, BasePath: s.Cookies.BasePath,
		Deployment: deployment,
	}
}

// version is one version of the secret.
type version struct {
	id      string
	key     settings.Secret
	created time.Time // zero: not known
}

// source keeps a ring up to date.
type source struct {
	get    func(ctx context.Context, stage string) (version, error)
	now    func() time.Time
	settle time.Duration
	ring   *cookie.Ring

	due   atomic.Int64 // when the keys are to be read again, in Unix nanoseconds
	mu    sync.Mutex   // one fetch at a time
	tries [maxTries]time.Time
}

func renewing(get func(context.Context, string) (version, error), now func() time.Time) (*cookie.Ring, error) {
	return (&source{get: get, now: now, settle: settleTime}).start()
}

func (s *source) start() (*cookie.Ring, error) {
	v, err := s.fetch()
	if err != nil {
		return nil, err
	}
	keys, until := v.order(s.now(), s.settle)
	if s.ring, err = cookie.NewRing(keys[0], keys[1:]...); err != nil {
		return nil, err
	}
	s.tried()
	s.readAgain(maxAge, until)
	s.ring.RenewWith(s.renew)
	return s.ring, nil
}

// readAgain sets when the keys are due: after some time, or at until if that is
// set and sooner.
func (s *source) readAgain(after time.Duration, until time.Time) {
	due := s.now().Add(after)
	if !until.IsZero() && until.Before(due) {
		due = until
	}
	s.due.Store(due.UnixNano())
}

// renew is called before each use of the ring, and with unknown set when a
// cookie names a key that it does not have.
func (s *source) renew(unknown bool) {
	if !unknown && s.now().UnixNano() < s.due.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !unknown && s.now().UnixNano() < s.due.Load() || !s.mayTry() {
		return
	}
	s.tried()
	v, err := s.fetch()
	var until time.Time
	if err == nil {
		var keys []string
		keys, until = v.order(s.now(), s.settle)
		err = s.ring.Replace(keys[0], keys[1:]...)
	}
	next := maxAge
	if err != nil {
		slog.Warn("the keys could not be read again, those there are stay in use", slog.String("reason", err.Error()))
		next = triesIn
	}
	s.readAgain(next, until)
}

// mayTry bounds how often anybody can make us call Secrets Manager.
func (s *source) mayTry() bool { return s.now().Sub(s.tries[0]) >= triesIn }

func (s *source) tried() {
	copy(s.tries[:], s.tries[1:])
	s.tries[maxTries-1] = s.now()
}

// fetch reads both versions.
func (s *source) fetch() (versions, error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	for range 2 {
		current, err := s.get(ctx, "AWSCURRENT")
		if err != nil {
			return versions{}, err
		}
		if !settings.IsKey(current.key.Reveal()) {
			return versions{}, errors.New("keys: version AWSCURRENT of the secret is no key: expected 64 hexadecimal characters, not all the same")
		}
		previous, err := s.get(ctx, "AWSPREVIOUS")
		switch {
		case errors.Is(err, errNoVersion): // never rotated
			return versions{current: current}, nil
		case err != nil:
			return versions{}, err
		case previous.id == current.id:
			continue // a rotation came in between: the current version is the previous one now
		case !settings.IsKey(previous.key.Reveal()): // a version that is not a key has sealed no cookie
			return versions{current: current}, nil
		}
		return versions{current, &previous}, nil
	}
	return versions{}, fmt.Errorf("keys: the secret was rotated twice while it was read")
}
