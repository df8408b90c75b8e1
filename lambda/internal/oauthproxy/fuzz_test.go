package oauthproxy

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// FuzzDecide: no input without a valid sealed cookie ever yields Allow. The
// fuzzer knows trusted origins, the CSRF rules and genuine cookies of other
// names, but no cookie with the access token's name.
func FuzzDecide(f *testing.F) {
	p := newProxy(f)
	ring, err := cookie.NewRing(testKey)
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{names.RefreshToken, names.IDToken, names.CSRF, names.Login(1)} {
		value := names.Seal(ring, name, cookie.Content{Session: session, Expires: testTime.Add(time.Hour), Token: csrfValue})
		f.Add("POST", trusted, names.AccessToken+"="+value+"; "+name+"="+value, "x-th-csrf", csrfValue)
		f.Add("GET", trusted, name+"="+value, "token-handler-version", "1")
	}
	f.Add("GET", "", "", "sec-fetch-site", "same-origin")
	f.Add("GET", trusted, names.AccessToken+"=", "authorization", "Bearer x")
	f.Fuzz(func(t *testing.T, method, origin, cookies, header, value string) {
		r := request(method, map[string][]string{"Origin": {origin}, "Cookie": {cookies}, header: {value}})
		d, err := p.Decide(context.Background(), r)
		if err != nil {
			t.Fatal(err) // no decision here needs another service
		}
		if d.Allow || d.Token != "" {
			t.Fatalf("allowed with token %q", d.Token)
		}
		if d.AllowedOrigin != "" && d.AllowedOrigin != trusted {
			t.Fatalf("allowedOrigin is %q", d.AllowedOrigin)
		}
	})
}

// FuzzHandle: a whole event, however malformed, ends in a Deny or an error.
func FuzzHandle(f *testing.F) {
	p := newProxy(f)
	r := readEvent(f, names.AccessToken+"=x")
	seed, err := json.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"httpMethod":"GET","methodArn":"arn:aws:execute-api:r:a:b/c/GET/","headers":null}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		var r Request
		if json.Unmarshal(event, &r) != nil {
			return
		}
		response, err := p.Handle(context.Background(), r)
		if err != nil {
			if response.PolicyDocument.Statement != nil {
				t.Fatal("an error came with a policy")
			}
			return
		}
		for _, s := range response.PolicyDocument.Statement {
			if s.Effect != "Deny" {
				t.Fatalf("got effect %q", s.Effect)
			}
		}
	})
}

// BenchmarkDecide stands beside BenchmarkFloor: opening the one cookie.
func BenchmarkDecide(b *testing.B) {
	p := newProxy(b)
	r := readEvent(b, sealed(b, testKey, accessToken(strings.Repeat("x", 800)), csrfContent()))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := p.Decide(context.Background(), &r); err != nil || !d.Allow {
			b.Fatal("refused")
		}
	}
}

func BenchmarkFloor(b *testing.B) {
	p := newProxy(b)
	value := names.Seal(p.ring, names.AccessToken, accessToken(strings.Repeat("x", 800)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := names.OpenValue(p.ring, names.AccessToken, value); err != nil {
			b.Fatal(err)
		}
	}
}
