package jwt

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/backchannel"
)

const (
	issuer   = "https://login.example.com"
	audience = "https://api.example.com"
	clientID = "spa"
)

var testTime = time.Unix(1_800_000_000, 0)

// provider serves a JWK set that a test may change, and counts.
type provider struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []jose.JSONWebKey
	status  int
	fetched int
}

func newProvider(t *testing.T, keys ...jose.JSONWebKey) *provider {
	t.Helper()
	p := &provider{keys: keys, status: http.StatusOK}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetched++
		w.WriteHeader(p.status)
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: p.keys})
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) set(status int, keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.keys = status, keys
}

func (p *provider) verifier(now *time.Time) *Verifier {
	return newVerifier(p.URL, now)
}

func newVerifier(url string, now *time.Time) *Verifier {
	clock := func() time.Time { return *now }
	return NewVerifier(Config{
		Issuer: issuer, Audience: []string{audience, "other"}, ClientID: clientID, Now: clock,
		Keys: NewKeySet(KeySetConfig{URL: url, Client: backchannel.New(backchannel.Config{}), Now: clock}),
	})
}

func public(key crypto.PublicKey, kid, alg string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: "sig"}
}

var (
	rsaKey = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey  = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey  = func() ed25519.PrivateKey { _, k, _ := ed25519.GenerateKey(rand.Reader); return k }()
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type object = map[string]any

// claims are those of a good access token with changes; nil leaves a claim out.
func claims(changes object) object {
	c := object{"iss": issuer, "aud": audience, "sub": "user-1", "scope": "a b", "exp": testTime.Unix() + 60}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid, typ string, payload any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if typ != "" {
		options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := payload.(string)
	if !ok {
		text = string(must(json.Marshal(payload)))
	}
	signed, err := signer.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return must(signed.CompactSerialize())
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestAccessToken(t *testing.T) {
	p := newProvider(t,
		public(&rsaKey.PublicKey, "rsa", "RS256"), public(&ecKey.PublicKey, "ec", ""), public(edKey.Public(), "ed", "EdDSA"),
		jose.JSONWebKey{Key: []byte("a shared secret of thirty-two byte"), KeyID: "oct"},
		jose.JSONWebKey{Key: &rsaKey.PublicKey, KeyID: "enc", Use: "enc"})
	v := p.verifier(&testTime)
	otherRSA := must(rsa.GenerateKey(rand.Reader, 2048))
	rs := func(changes object) string { return sign(t, jose.RS256, rsaKey, "rsa", "at+jwt", claims(changes)) }
	good := rs(nil)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	publicBytes := must(json.Marshal(jose.JSONWebKey{Key: &rsaKey.PublicKey}))

	for _, tt := range []struct {
		name, token string
		want        error // nil: accepted
	}{
		{"RS256", good, nil},
		{"ES256", sign(t, jose.ES256, ecKey, "ec", "application/at+jwt", claims(nil)), nil},
		{"EdDSA", sign(t, jose.EdDSA, edKey, "ed", "JWT", claims(nil)), nil},
		{"no key id", sign(t, jose.ES256, ecKey, "", "", claims(nil)), nil},
		{"several audiences", rs(object{"aud": []string{"x", "other"}}), nil},
		{"not before, within the leeway", rs(object{"nbf": testTime.Unix() + 30}), nil},

		{"alg none", encode(`{"alg":"none","kid":"rsa"}`) + "." + payload + ".", ErrInvalid},
		{"alg none with a signature", encode(`{"alg":"none","kid":"rsa"}`) + "." + payload + "." + signature, ErrInvalid},
		{"HS256 with the public key as secret", sign(t, jose.HS256, publicBytes, "rsa", "at+jwt", claims(nil)), ErrInvalid},
		{"HS256 with a secret of the set", sign(t, jose.HS256, []byte("a shared secret of thirty-two byte"), "oct", "at+jwt", claims(nil)), ErrInvalid},
		{"another algorithm than the key's", sign(t, jose.PS256, rsaKey, "rsa", "at+jwt", claims(nil)), ErrInvalid},
		{"another key with the same id", sign(t, jose.RS256, otherRSA, "rsa", "at+jwt", claims(nil)), ErrInvalid},
		{"a key for encryption", sign(t, jose.RS256, rsaKey, "enc", "at+jwt", claims(nil)), ErrInvalid},
		{"the key in the header", signWithJWK(t, otherRSA), ErrInvalid},
		{"unknown critical header", encode(`{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}`) + "." + payload + "." + signature, ErrInvalid},
		{"altered payload", header + "." + encode(string(must(json.Marshal(claims(object{"sub": "admin"}))))) + "." + signature, ErrInvalid},
		{"no signature", header + "." + payload + ".", ErrInvalid},
		{"detached payload", header + ".." + signature, ErrInvalid},
		{"two parts", header + "." + payload, ErrInvalid},
		{"JSON serialization", `{"payload":"` + payload + `","protected":"` + header + `","signature":"` + signature + `"}`, ErrInvalid},
		{"opaque", "opaque", ErrInvalid},
		{"empty", "", ErrInvalid},
		{"too long", good + strings.Repeat("A", maxAccessToken), ErrInvalid},
		{"P1 not a token but an answer", `{"active":false}`, ErrInvalid},

		{"another issuer", rs(object{"iss": issuer + "/"}), ErrInvalid},
		{"no issuer", rs(object{"iss": nil}), ErrInvalid},
		{"another audience", rs(object{"aud": "spa-client"}), ErrInvalid},
		{"no audience", rs(object{"aud": nil}), ErrInvalid},
		{"audience of another type", rs(object{"aud": 7}), ErrInvalid},
		{"expired", rs(object{"exp": testTime.Unix()}), ErrExpired},
		{"expired, of another audience", rs(object{"exp": testTime.Unix(), "aud": "x"}), ErrInvalid},
		{"no expiry", rs(object{"exp": nil}), ErrInvalid},
		{"expiry as text", rs(object{"exp": "1900000000"}), ErrInvalid},
		{"expiry out of range", rs(object{"exp": 1e18}), ErrInvalid},
		{"not valid yet", rs(object{"nbf": testTime.Unix() + 31}), ErrInvalid},
		{"duplicate claim", sign(t, jose.RS256, rsaKey, "rsa", "", `{"iss":"`+issuer+`","aud":"`+audience+`","exp":1900000000,"aud":"x"}`), ErrInvalid},
		{"claims in another case", sign(t, jose.RS256, rsaKey, "rsa", "", `{"ISS":"`+issuer+`","AUD":"`+audience+`","EXP":1900000000}`), ErrInvalid},
		{"not an object", sign(t, jose.RS256, rsaKey, "rsa", "", `[]`), ErrInvalid},
		{"a logout token", sign(t, jose.RS256, rsaKey, "rsa", "logout+jwt", claims(nil)), ErrInvalid},
		{"an introspection response", sign(t, jose.RS256, rsaKey, "rsa", "token-introspection+jwt", claims(nil)), ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.AccessToken(context.Background(), tt.token, "")
			switch {
			case tt.want == nil && err != nil:
				t.Fatalf("refused: %v", err)
			case !errors.Is(err, tt.want):
				t.Fatalf("got %v, want %v", err, tt.want)
			case tt.want == nil && (got.Subject != "user-1" || !got.HasScopes([]string{"a", "b"})):
				t.Errorf("got %+v", got)
			}
			// Before any key is looked at.
			if strings.HasPrefix(tt.name, "HS256") && !strings.Contains(err.Error(), "asymmetric") || tt.name == "too long" && !strings.Contains(err.Error(), "at most") {
				t.Errorf("refused by %v", err)
			}
			if err != nil && len(tt.token) > 20 && strings.Contains(err.Error(), tt.token[:20]) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// Access tokens in the form of real providers, and other kinds of JWT of the
// same providers, which must not pass as access tokens.
func TestKinds(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "rsa", ""))
	loose := p.verifier(&testTime)
	cfg := loose.cfg
	cfg.RequireType = true
	strict := NewVerifier(cfg)
	event := object{"http://schemas.openid.net/event/backchannel-logout": object{}}
	for _, tt := range []struct {
		name, typ string
		changes   object
		ok, typed bool // accepted, and where the type is demanded
	}{
		{"RFC 9068", "at+jwt", nil, true, true},
		{"RFC 9068, full media type", "application/AT+jwt", nil, true, true},
		{"the type JWT", "JWT", nil, true, false},
		{"no type", "", nil, true, false},
		{"Keycloak with a nonce", "JWT", object{"typ": "Bearer", "azp": clientID, "nonce": "x"}, true, false},
		{"at_hash", "JWT", object{"at_hash": "x"}, true, false},
		{"the client among the audiences, typed", "at+jwt", object{"aud": []string{audience, clientID}}, true, true},
		{"the client among the audiences, Keycloak", "JWT", object{"typ": "Bearer", "aud": []string{clientID, audience}}, true, false},
		{"Cognito", "", object{"aud": nil, "token_use": "access", "client_id": clientID}, true, false},
		{"Cognito with a resource server", "", object{"token_use": "access", "client_id": "x"}, true, false},

		{"Cognito, of another client", "", object{"aud": nil, "token_use": "access", "client_id": "x"}, false, false},
		{"Cognito without a client", "", object{"aud": nil, "token_use": "access"}, false, false},
		{"Cognito ID token", "", object{"token_use": "id"}, false, false},
		{"a client but no audience", "", object{"aud": nil, "client_id": clientID}, false, false},
		{"a client but no audience, typed", "at+jwt", object{"aud": nil, "client_id": clientID}, false, false},
		{"ID token", "JWT", object{"aud": clientID, "nonce": "x"}, false, false},
		{"ID token for the API too", "", object{"aud": []string{clientID, audience}, "azp": clientID}, false, false},
		{"Keycloak ID token", "JWT", object{"typ": "ID"}, false, false},
		{"Keycloak refresh token", "JWT", object{"typ": "Refresh"}, false, false},
		{"hybrid ID token", "JWT", object{"c_hash": "x"}, false, false},
		{"logout token", "logout+jwt", object{"events": event}, false, false},
		{"logout token without its type", "JWT", object{"events": event}, false, false},
		{"security event token", "secevent+jwt", object{"events": object{}}, false, false},
		{"authorization response", "JWT", object{"code": "x", "state": "y"}, false, false},
		{"authorization response for the client", "", object{"aud": clientID, "error": "access_denied"}, false, false},
		{"signed UserInfo", "JWT", object{"aud": clientID, "email": "x@example.com"}, false, false},
		{"introspection response", "token-introspection+jwt", object{"token_introspection": object{"active": true}}, false, false},
		{"introspection response without its type", "JWT", object{"token_introspection": object{"active": true}}, false, false},
		{"request object", "oauth-authz-req+jwt", nil, false, false},
		{"DPoP proof", "dpop+jwt", nil, false, false},
		{"ID-JAG", "oauth-id-jag+jwt", nil, false, false},
	} {
		token := sign(t, jose.RS256, rsaKey, "rsa", tt.typ, claims(tt.changes))
		for v, want := range map[*Verifier]bool{loose: tt.ok, strict: tt.typed} {
			_, err := v.AccessToken(context.Background(), token, "")
			if want && err != nil || !want && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s (type demanded: %t): got %v, want ok %t", tt.name, v == strict, err, want)
			}
		}
	}
}

// Access tokens may have an issuer of their own, as at AD FS, and then no other.
func TestTokenIssuer(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "rsa", ""))
	cfg := p.verifier(&testTime).cfg
	cfg.TokenIssuer = "http://login.example.com/adfs/services/trust"
	v := NewVerifier(cfg)
	for iss, ok := range map[string]bool{cfg.TokenIssuer: true, issuer: false} {
		_, err := v.AccessToken(context.Background(), sign(t, jose.RS256, rsaKey, "rsa", "JWT", claims(object{"iss": iss})), "")
		if ok && err != nil || !ok && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", iss, err)
		}
	}
}

// A token that is bound to a key is accepted with a proof of that key only.
func TestConfirmation(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "rsa", ""))
	v := p.verifier(&testTime)
	for _, tt := range []struct {
		name       string
		cnf        any
		thumbprint string
		ok         bool
	}{
		{"bearer", nil, "", true},
		{"proved, but not bound", nil, "key", true}, // of an opaque binding the API knows
		{"bound and proved", object{"jkt": "key"}, "key", true},
		{"bound, as a bearer token", object{"jkt": "key"}, "", false},
		{"bound to another key", object{"jkt": "other"}, "key", false},
		{"bound to no key", object{"jkt": ""}, "", false},
		{"bound to a certificate", object{"x5t#S256": "key"}, "", false},
		{"bound to a certificate, with a proof", object{"x5t#S256": "key"}, "key", false},
		{"bound to both", object{"jkt": "key", "x5t#S256": "x"}, "key", false},
		{"unreadable", "key", "key", false},
		{"empty", object{}, "", false},
	} {
		_, err := v.AccessToken(context.Background(), sign(t, jose.RS256, rsaKey, "rsa", "at+jwt", claims(object{"cnf": tt.cnf})), tt.thumbprint)
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func signWithJWK(t *testing.T, key *rsa.PrivateKey) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	return must(must(signer.Sign(must(json.Marshal(claims(nil))))).CompactSerialize())
}

// A key set is fetched when it is needed, kept, and fetched again: once for an
// unknown key id, however many tokens name one, and when it has grown old.
func TestKeySet(t *testing.T) {
	now := testTime
	p := newProvider(t, public(&rsaKey.PublicKey, "1", ""))
	v := p.verifier(&now)
	token := func(kid string, key any, alg jose.SignatureAlgorithm) string {
		return sign(t, alg, key, kid, "", claims(object{"exp": testTime.Add(24 * time.Hour).Unix()}))
	}
	first, second, third := token("1", rsaKey, jose.RS256), token("2", ecKey, jose.ES256), token("3", ecKey, jose.ES256)
	step := func(what, token string, want error, fetched int) {
		t.Helper()
		_, err := v.AccessToken(context.Background(), token, "")
		if want == errUndecided {
			if err == nil || errors.Is(err, ErrInvalid) || errors.Is(err, ErrExpired) {
				t.Errorf("%s: got %v, want an error without a decision", what, err)
			}
		} else if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
		if p.fetched != fetched {
			t.Errorf("%s: fetched %d times, want %d", what, p.fetched, fetched)
		}
	}
	step("first token", first, nil, 1)
	step("kept", first, nil, 1)
	now = now.Add(time.Second)
	step("unknown key id, a moment after the fetch", second, ErrInvalid, 2)
	step("unknown key id again", second, ErrInvalid, 2)
	step("another unknown key id", third, ErrInvalid, 2)
	p.set(http.StatusOK, public(&ecKey.PublicKey, "2", ""))
	now = now.Add(missAfter)
	step("the provider's new key", second, nil, 3)
	step("its old key is gone", first, ErrInvalid, 3)

	p.set(http.StatusInternalServerError, public(&ecKey.PublicKey, "2", ""))
	now = now.Add(freshFor)
	step("provider down, set not fresh", second, nil, 4)
	now = now.Add(failedAfter - 1)
	step("provider down, asked a moment ago", second, nil, 4)
	step("provider down, unknown key id", first, ErrInvalid, 4)
	now = now.Add(staleFor)
	step("provider down, set stale", second, errUndecided, 5)
	step("provider down, asked a moment ago, set stale", second, errUndecided, 5)
	p.set(http.StatusOK, public(&ecKey.PublicKey, "2", ""))
	now = now.Add(failedAfter)
	step("provider up", second, nil, 6)
}

var errUndecided = errors.New("undecided")

func TestKeySetRefusesWhatItIsServed(t *testing.T) {
	many := []jose.JSONWebKey{}
	for range maxKeys + 1 {
		many = append(many, public(&ecKey.PublicKey, "1", ""))
	}
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	token := sign(t, jose.ES256, ecKey, "1", "", claims(nil))
	for name, keys := range map[string][]jose.JSONWebKey{
		"too many keys": many,
		"private keys":  {{Key: ecKey, KeyID: "1"}},
		"small keys":    {public(&small.PublicKey, "1", "")},
		"no keys":       {},
	} {
		p := newProvider(t, keys...)
		if _, err := p.verifier(&testTime).AccessToken(context.Background(), token, ""); err == nil || errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want an error of the key set", name, err)
		}
	}
	for name, body := range map[string]string{"HTML": "<html>", "no set": `{"jwks":[]}`, "too large": `{"keys":[` + strings.Repeat(" ", 70<<10) + `]}`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }))
		v := newVerifier(s.URL, &testTime)
		if _, err := v.AccessToken(context.Background(), token, ""); err == nil || errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want an error of the key set", name, err)
		}
		s.Close()
	}
}

// A token with an unknown key id costs one fetch also on a cold start.
func TestKeySetColdMiss(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "1", ""))
	_, err := p.verifier(&testTime).AccessToken(context.Background(), sign(t, jose.ES256, ecKey, "2", "", claims(nil)), "")
	if !errors.Is(err, ErrInvalid) || p.fetched != 1 {
		t.Errorf("got %v after %d fetches", err, p.fetched)
	}
}

// A burst makes one call for the keys.
func TestKeySetIsFetchedOnce(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "1", ""))
	v := p.verifier(&testTime)
	token := sign(t, jose.RS256, rsaKey, "1", "", claims(nil))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := v.AccessToken(context.Background(), token, ""); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if p.fetched != 1 {
		t.Errorf("fetched %d times", p.fetched)
	}
}

func TestIntrospection(t *testing.T) {
	p := newProvider(t, public(&rsaKey.PublicKey, "1", ""))
	v := p.verifier(&testTime)
	answer := func(changes object) object {
		c := object{"iss": issuer, "aud": "gateway", "iat": testTime.Unix(), "token_introspection": object{"active": true}}
		maps.Copy(c, changes)
		return c
	}
	const typ = "token-introspection+jwt"
	for _, tt := range []struct {
		name, response string
		ok             bool
	}{
		{"good", sign(t, jose.RS256, rsaKey, "1", typ, answer(nil)), true},
		{"type in another case", sign(t, jose.RS256, rsaKey, "1", "Application/Token-Introspection+JWT", answer(nil)), true},
		{"of another type", sign(t, jose.RS256, rsaKey, "1", "at+jwt", answer(nil)), false},
		{"of no type", sign(t, jose.RS256, rsaKey, "1", "", answer(nil)), false},
		{"for another client", sign(t, jose.RS256, rsaKey, "1", typ, answer(object{"aud": "other"})), false},
		{"of another issuer", sign(t, jose.RS256, rsaKey, "1", typ, answer(object{"iss": "https://evil.example"})), false},
		{"old", sign(t, jose.RS256, rsaKey, "1", typ, answer(object{"iat": testTime.Add(-freshness).Unix() - 1})), false},
		{"of the future", sign(t, jose.RS256, rsaKey, "1", typ, answer(object{"iat": testTime.Add(time.Hour).Unix()})), false},
		{"without issue time", sign(t, jose.RS256, rsaKey, "1", typ, answer(object{"iat": nil})), false},
		{"without the member", sign(t, jose.RS256, rsaKey, "1", typ, object{"iss": issuer, "aud": "gateway", "iat": testTime.Unix()}), false},
		{"signed with another key", sign(t, jose.RS256, must(rsa.GenerateKey(rand.Reader, 2048)), "1", typ, answer(nil)), false},
		{"not signed", encode(`{"alg":"none","typ":"`+typ+`"}`) + "." + encode(`{"token_introspection":{"active":true}}`) + ".", false},
	} {
		object, err := v.Introspection(context.Background(), tt.response, "gateway")
		if (err == nil) != tt.ok || tt.ok && string(object) != `{"active":true}` {
			t.Errorf("%s: got %s, %v", tt.name, object, err)
		}
	}
}
