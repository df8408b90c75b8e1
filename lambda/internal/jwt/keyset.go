package jwt

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
)

// How the key set is kept.
const (
	// After freshFor the set is fetched again, so that a key the provider has
	// withdrawn is forgotten.
	freshFor = 10 * time.Minute
	// Until staleFor an old set serves while fetching fails: a provider that is
	// down must not take every API behind it along. After it, nothing is
	// decided any more.
	staleFor = time.Hour
	// Between two fetches at least retryAfter passes, whatever tokens ask for:
	// anybody can send tokens with unknown key ids. After one that failed it is
	// failedAfter.
	retryAfter  = 30 * time.Second
	failedAfter = 2 * time.Second

	maxKeys    = 64
	minRSABits = 2048 // RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used"
)

// keySet is the provider's JWK set (RFC 7517 section 5), fetched when it is
// first needed.
type keySet struct {
	url    string
	client *backchannel.Client
	now    func() time.Time

	// Held while fetching, so that a burst makes one call.
	mu             sync.Mutex
	keys           []jose.JSONWebKey
	fetched, tried time.Time
	failed         bool // the last attempt
}

// candidates are the keys that may have signed a token: those with its key id,
// or all if it has none. An unknown key id fetches the set once more.
func (s *keySet) candidates(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.fetched.IsZero() || now.Sub(s.fetched) >= freshFor {
		if err := s.fetch(ctx, now); err != nil && (s.fetched.IsZero() || now.Sub(s.fetched) >= staleFor) {
			return nil, err
		}
	}
	if found := s.find(kid); len(found) > 0 {
		return found, nil
	}
	if s.due(now) {
		if err := s.fetch(ctx, now); err != nil {
			return nil, err
		}
	}
	return s.find(kid), nil
}

func (s *keySet) find(kid string) []jose.JSONWebKey {
	var found []jose.JSONWebKey
	for _, k := range s.keys {
		if kid == "" || k.KeyID == kid {
			found = append(found, k)
		}
	}
	return found
}

func (s *keySet) due(now time.Time) bool {
	wait := retryAfter
	if s.failed {
		wait = failedAfter
	}
	return s.tried.IsZero() || now.Sub(s.tried) >= wait
}

// fetch replaces the keys.
func (s *keySet) fetch(ctx context.Context, now time.Time) error {
	if !s.due(now) {
		return fmt.Errorf("jwt: key set: fetching it failed a moment ago")
	}
	s.tried, s.failed = now, true
	r, err := http.NewRequest(http.MethodGet, s.url, nil)
	if err != nil {
		return fmt.Errorf("jwt: key set: the URL is malformed")
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := s.client.Do(ctx, r)
	if err != nil {
		return fmt.Errorf("jwt: key set: %w", err)
	}
	// Served as application/json by most, as text/plain by some: the content
	// decides.
	if answer.Status != http.StatusOK {
		return fmt.Errorf("jwt: key set: expected status 200, got %d", answer.Status)
	}
	keys, err := parseKeys(answer.Body)
	if err != nil {
		return err
	}
	s.keys, s.fetched, s.failed = keys, now, false
	return nil
}

// parseKeys keeps the public signature keys of a set. Others are skipped: RFC
// 7517 section 5: "Implementations SHOULD ignore JWKs within a JWK Set that use
// "kty" (key type) values that are not understood by them".
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, fmt.Errorf("jwt: key set: expected a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("jwt: key set: expected at most %d keys, got %d", maxKeys, len(set.Keys))
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && isSigningKey(k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("jwt: key set: expected at least one public signature key")
	}
	return keys, nil
}
