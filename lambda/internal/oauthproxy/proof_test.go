package oauthproxy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

func provingSettings() settings.Authorizer {
	s := shared()
	s.AccessTokens.DPoP = true
	return settings.Authorizer{
		Shared: s,
		Upstreams: settings.Upstreams{
			"GET /orders":                   "https://orders.example/v1/orders",
			"POST /orders":                  "https://orders.example/v1/orders",
			"GET /":                         "https://orders.example",
			"GET /orders/{id}/lines/{line}": "https://orders.example/{line}/of/{id}",
		},
	}
}

func newProving(t testing.TB) *Proxy {
	t.Helper()
	p, err := newWithDefaults(provingSettings(), func() time.Time { return testTime })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func bound(t testing.TB, token string) string {
	t.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key.Bind(token)
}

// routed is a request of the session with this access token to a resource.
func routed(t testing.TB, method, resource, token string, parameters map[string]string) *Request {
	t.Helper()
	r := request(method, map[string][]string{
		"Origin": {trusted}, "token-handler-version": {"1"}, "Cookie": {sealed(t, testKey, accessToken(token), csrfContent())},
	})
	r.Resource, r.PathParameters = resource, parameters
	return r
}

// RFC 9449 section 7.1: the proof is for the very request that goes upstream.
func TestProof(t *testing.T) {
	p := newProving(t)
	hash := sha256.Sum256([]byte(testToken))
	for _, tt := range []struct {
		method, resource string
		parameters       map[string]string
		want             string
	}{
		{"GET", "/orders", nil, "https://orders.example/v1/orders"},
		{"POST", "/orders", nil, "https://orders.example/v1/orders"},
		{"GET", "/", nil, "https://orders.example/"},
		{"GET", "/orders/{id}/lines/{line}", map[string]string{"id": "7", "line": "å b{id}"}, "https://orders.example/%C3%A5%20b%7Bid%7D/of/7"},
	} {
		t.Run(tt.method+" "+tt.resource, func(t *testing.T) {
			answer, err := p.Handle(context.Background(), *routed(t, tt.method, tt.resource, bound(t, testToken), tt.parameters))
			if err != nil {
				t.Fatal(err)
			}
			if answer.Context["token"] != "DPoP "+testToken {
				t.Errorf("got the token %v", answer.Context["token"])
			}
			proof, _ := answer.Context["dpop"].(string)
			jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := jws.Verify(jws.Signatures[0].Protected.JSONWebKey)
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := json.Unmarshal(payload, &claims); err != nil {
				t.Fatal(err)
			}
			delete(claims, "jti")
			want := map[string]any{"htm": tt.method, "htu": tt.want, "iat": float64(testTime.Unix()), "ath": base64.RawURLEncoding.EncodeToString(hash[:])}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Without a proof no token goes upstream, and the key in the cookie never does.
func TestProofFailsClosed(t *testing.T) {
	proving, plain := newProving(t), newProxy(t)
	secret := bound(t, testToken)
	mismatched := routed(t, "GET", "/orders", secret, nil)
	mismatched.RequestContext.ResourcePath = "/"
	for _, tt := range []struct {
		name  string
		proxy *Proxy
		r     *Request
		code  string // "" for an error
	}{
		{"a bearer token where tokens are bound", proving, routed(t, "GET", "/orders", testToken, nil), contract.CodeTokenExpired},
		{"a bound token where they are not", plain, routed(t, "GET", "/orders", secret, nil), contract.CodeTokenExpired},
		{"a key without a token", proving, routed(t, "GET", "/orders", strings.TrimSuffix(secret, testToken), nil), contract.CodeTokenExpired},
		{"a malformed key", proving, routed(t, "GET", "/orders", "dpop-bound-1-"+strings.Repeat("A", 43)+testToken, nil), contract.CodeTokenExpired},
		{"route without a URL", proving, routed(t, "GET", "/admin", secret, nil), ""},
		{"method without a URL", proving, routed(t, "DELETE", "/orders", secret, nil), ""},
		{"no parameter", proving, routed(t, "GET", "/orders/{id}/lines/{line}", secret, map[string]string{"id": "7"}), ""},
		{"two resources", proving, mismatched, ""},
		{"a parameter that moves", proving, routed(t, "GET", "/orders/{id}/lines/{line}", secret, map[string]string{"id": "..", "line": "1"}), contract.CodeInvalidRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := tt.proxy.Handle(context.Background(), *tt.r)
			if (err != nil) != (tt.code == "") || err == nil && answer.Context["code"] != tt.code {
				t.Fatalf("got %v, %v, want the code %q", answer.Context["code"], err, tt.code)
			}
			text, _ := json.Marshal(answer)
			if strings.Contains(string(text), testToken) || strings.Contains(string(text), "dpop-bound") || answer.Context["dpop"] != nil || answer.Context["token"] != nil {
				t.Errorf("the answer shows a token: %s", text)
			}
		})
	}
}

// The key is in no answer, and a bearer token brings no proof.
func TestProofShowsNoKey(t *testing.T) {
	secret := bound(t, testToken)
	answer, err := newProving(t).Handle(context.Background(), *routed(t, "GET", "/orders", secret, nil))
	if err != nil {
		t.Fatal(err)
	}
	if keys := slices.Sorted(maps.Keys(answer.Context)); !slices.Equal(keys, []string{"allowedOrigin", "dpop", "token"}) {
		t.Errorf("got the context %v", keys)
	}
	scalar := strings.TrimSuffix(strings.TrimPrefix(secret, "dpop-bound-1-"), testToken)
	text, _ := json.Marshal(answer)
	proof := strings.Split(answer.Context["dpop"].(string), ".")
	for _, part := range []string{string(text), decoded(t, proof[0]), decoded(t, proof[1])} {
		if strings.Contains(part, scalar) {
			t.Error("the answer shows the key")
		}
	}
	answer, err = newProxy(t).Handle(context.Background(), *routed(t, "GET", "/orders", testToken, nil))
	if err != nil || answer.Context["dpop"] != nil || answer.Context["token"] != "Bearer "+testToken {
		t.Errorf("without DPoP: got %v, %v", answer.Context, err)
	}
}

func decoded(t *testing.T, part string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestProofSettings(t *testing.T) {
	s := provingSettings()
	s.Upstreams = nil
	if _, err := newWithDefaults(s, time.Now); err == nil || !strings.Contains(err.Error(), "UPSTREAMS is missing") {
		t.Errorf("without URLs: got %v", err)
	}
	s = provingSettings()
	s.AccessTokens.AllowToken = true
	if _, err := newWithDefaults(s, time.Now); err == nil || !strings.Contains(err.Error(), "ALLOW_TOKEN cannot be combined with DPOP") {
		t.Errorf("with tokens of callers: got %v", err)
	}
}

// BenchmarkProof is a decision with a proof, beside BenchmarkDecide.
func BenchmarkProof(b *testing.B) {
	p := newProving(b)
	r := routed(b, "GET", "/orders", bound(b, testToken), nil)
	b.ReportAllocs()
	for b.Loop() {
		if d, err := p.Decide(context.Background(), r); err != nil || !d.Allow {
			b.Fatal(d, err)
		}
	}
}
