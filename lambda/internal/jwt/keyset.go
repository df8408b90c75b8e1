package jwt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
)

// How a key set is kept. The rules are the same for agent and authorizer.
const (
	// After freshFor the set is fetched again, so that a withdrawn key is
	// forgotten.
	freshFor = 10 * time.Minute
	// Until staleFor an old set is used while fetching fails: a provider that is
	// down must not stop every API behind the gateway. After it no token can be
	// verified.
	staleFor = time.Hour
	// A token that no key has signed fetches the set at once, but only if no
	// other such token has done so within missAfter: everybody can send tokens
	// with unknown key ids.
	missAfter = 30 * time.Second
	// After a failure the next attempt waits for failedAfter.
	failedAfter = 2 * time.Second
)

// maxJWS bounds a JWT of the provider.
const maxJWS = 64 << 10

// KeySetConfig configures a [KeySet].
type KeySetConfig struct {
	URL    string
	Client *backchannel.Client
	// Algorithms are the accepted algorithms; empty means all that the package
	// knows.
	Algorithms []string
	Now        func() time.Time
}

// KeySet is the provider's JWK set (RFC 7517 section 5), fetched at first use.
// It is safe for use by several goroutines.
type KeySet struct {
	cfg KeySetConfig

	mu            sync.Mutex // held while fetching, so that a burst makes one call
	keys          []key
	fetched       time.Time // the keys are of this time
	tried, missed time.Time // of the last attempt, and of the last for an unknown key
	failure       error     // of the last attempt
}

// NewKeySet returns a key set. It does no network call.
func NewKeySet(c KeySetConfig) *KeySet { return &KeySet{cfg: c} }

// Signed is a JWT whose signature was verified.
type Signed struct {
	Algorithm string
	Type      string // typ in lower case, without "application/"
	Payload   []byte
}

// Verify verifies the signature of a JWT. An error that is not [ErrInvalid]
// means that there are no keys to verify it with. No error quotes the token.
func (s *KeySet) Verify(ctx context.Context, text string) (Signed, error) {
	if len(text) > maxJWS {
		return Signed{}, fmt.Errorf("%w: expected at most %d bytes", ErrInvalid, maxJWS)
	}
	t, err := parse(text, s.cfg.Algorithms)
	if err != nil {
		return Signed{}, err
	}
	keys, fetched, err := s.current(ctx)
	if err != nil {
		return Signed{}, err
	}
	if !t.signedByAny(keys) {
		if fetched {
			return Signed{}, errUnsigned
		}
		if keys, err = s.missing(ctx); err != nil {
			return Signed{}, err
		}
		if !t.signedByAny(keys) {
			return Signed{}, errUnsigned
		}
	}
	return Signed{t.alg, t.typ, t.payload}, nil
}

var errUnsigned = fmt.Errorf("%w: no key of the provider has signed it", ErrInvalid)

// Prefetch fetches the keys if they are missing or old, so that a following
// Verify does not wait. That one reports a failure.
func (s *KeySet) Prefetch(ctx context.Context) { s.current(ctx) }

// signedByAny tries the keys with the token's key id and those without any, or
// all keys if the token has no key id.
func (t *token) signedByAny(keys []key) bool {
	for _, k := range keys {
		if (t.kid == "" || k.id == "" || k.id == t.kid) && t.signedBy(k) {
			return true
		}
	}
	return false
}

// current returns the keys, and whether they were fetched for this call.
func (s *KeySet) current(ctx context.Context) (keys []key, fetched bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	if s.fetched.IsZero() || now.Sub(s.fetched) >= freshFor {
		err := s.fetch(ctx, now)
		if err != nil && (s.fetched.IsZero() || now.Sub(s.fetched) >= staleFor) {
			return nil, false, err
		}
		return s.keys, err == nil, nil
	}
	return s.keys, false, nil
}

// missing returns the keys after another fetch, if that is allowed now.
func (s *KeySet) missing(ctx context.Context) ([]key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	if !s.missed.IsZero() && now.Sub(s.missed) < missAfter || s.failure != nil && now.Sub(s.tried) < failedAfter {
		return s.keys, nil
	}
	if err := s.fetch(ctx, now); err != nil {
		return nil, err
	}
	s.missed = now
	return s.keys, nil
}

// fetch replaces the keys. The caller holds mu.
func (s *KeySet) fetch(ctx context.Context, now time.Time) error {
	if s.failure != nil && now.Sub(s.tried) < failedAfter {
		return s.failure
	}
	// Served as application/json by most providers and as text/plain by some:
	// the content decides.
	answer, err := s.cfg.Client.Get(ctx, s.cfg.URL, "application/jwk-set+json, application/json")
	var keys []key
	if err == nil {
		keys, err = parseKeys(answer.Body)
	}
	if err != nil {
		err = fmt.Errorf("key set of the provider %w", err)
		if !errors.Is(err, context.Canceled) { // not an error of the provider
			s.tried, s.failure = now, err
		}
		return err
	}
	s.keys, s.fetched, s.tried, s.failure = keys, now, now, nil
	return nil
}
