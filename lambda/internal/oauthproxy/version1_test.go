package oauthproxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// Made by Node.js; see testdata/version1.mjs of package cookie.
const (
	version1Token = "_0XBPWQQ_453276c1-8ba1-4b06-8bd4-4f3f5a0f7a0f"
	version1AT    = "AQEIDxYdJCsyOUBHToIxpMSWMdPpUV2npg5NGehIVzMV4ky6tkkCYqx1knxykRr2slAaC42DOlEENiAgJ_nyaW1yrMy5hvcmZHY"
)

func newCurityProxy(t *testing.T) *Proxy {
	t.Helper()
	s := shared()
	s.Cookies.NamePrefix, s.Cookies.Format = "example", settings.FormatCurity
	p, err := newWithDefaults(settings.Authorizer{Shared: s}, func() time.Time { return testTime })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Cookies of Curity's agent have no expiry, which the upstream API must check, and no
// session.
func TestVersion1(t *testing.T) {
	p := newCurityProxy(t)
	ring, err := cookie.NewRing(testKey)
	if err != nil {
		t.Fatal(err)
	}
	n := cookie.NewNamesOf(cookie.Options{Prefix: "example", Curity: true})
	// Contents sealed in this format lose their session and expiry.
	expired := cookie.Content{Session: cookie.SessionID{1}, Expires: testTime.Add(-time.Hour), Token: version1Token}
	csrfCookie := n.CSRF + "=" + n.Seal(ring, n.CSRF, cookie.Content{Session: cookie.SessionID{2}, Token: csrfValue})
	at := n.AccessToken + "=" + version1AT
	type h = map[string][]string
	for _, tt := range []struct {
		name    string
		request *Request
		message string // "" means Allow
	}{
		{"GET", get(h{"Origin": {trusted}, "Cookie": {at}}), ""},
		{"no expiry is known", get(h{"Origin": {trusted}, "Cookie": {n.AccessToken + "=" + n.Seal(ring, n.AccessToken, expired)}}), ""},
		{"POST, CSRF value of any session", request("POST", h{"Origin": {trusted}, "Cookie": {at + "; " + csrfCookie}, "x-example-csrf": {csrfValue}}), ""},
		{"POST without the value", request("POST", h{"Origin": {trusted}, "Cookie": {at + "; " + csrfCookie}}), string(csrf.TokenMissing)},
		{"POST without the cookie", request("POST", h{"Origin": {trusted}, "Cookie": {at}, "x-example-csrf": {csrfValue}}), string(csrf.TokenMismatch)},
		{"altered", get(h{"Origin": {trusted}, "Cookie": {at[:len(at)-4] + "AAAA"}}), messageNotOpened},
		{"version 3 in its place", get(h{"Origin": {trusted}, "Cookie": {n.AccessToken + "=" + ring.Seal(cookie.NewPlace("at", "", "example", n.AccessToken, "", "/"), expired)}}), messageNotOpened},
		{"a sealed refresh token in its place", get(h{"Origin": {trusted}, "Cookie": {n.AccessToken + "=" + n.Seal(ring, n.RefreshToken, expired)}}), messageNotOpened},
		{"a token that splits the header", get(h{"Origin": {trusted}, "Cookie": {n.AccessToken + "=" + n.Seal(ring, n.AccessToken, cookie.Content{Token: "a\r\nX: y"})}}), messageNotOpened},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := p.Decide(context.Background(), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if tt.message == "" && (!d.Allow || d.Token != version1Token) {
				t.Errorf("got %+v, want Allow", d)
			}
			if tt.message != "" && (d.Allow || d.Token != "" || d.Code != contract.CodeUnauthorizedRequest || d.Message != tt.message) {
				t.Errorf("got %+v, want %s", d, tt.message)
			}
		})
	}
	// The default format refuses the value.
	d, err := newProxy(t).Decide(context.Background(), get(h{"Origin": {trusted}, "Cookie": {names.AccessToken + "=" + version1AT}}))
	if err != nil || d.Allow || d.Message != messageNotOpened {
		t.Errorf("the sealed format: got %+v, %v", d, err)
	}
}

// A large access token comes in several cookies.
func TestParts(t *testing.T) {
	ring, err := cookie.NewRing(testKey)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Repeat("t", 5000)
	set, err := names.SetSealed(names.AccessToken, names.Seal(ring, names.AccessToken, accessToken(token)), nil)
	if err != nil || len(set) != 2 {
		t.Fatalf("got %d cookies, %v", len(set), err)
	}
	one, two := set[0].Name+"="+set[0].Value, set[1].Name+"="+set[1].Value
	p := newProxy(t)
	for _, tt := range []struct {
		cookies []string
		allow   bool
	}{{[]string{one, two}, true}, {[]string{two + "; " + one}, true}, {[]string{one}, false}, {[]string{two}, false}, {[]string{one, two, set[1].Name + "=x"}, true}, {[]string{set[1].Name + "=x", one}, false}} {
		d, err := p.Decide(context.Background(), get(map[string][]string{"Origin": {trusted}, "Cookie": tt.cookies}))
		if err != nil || d.Allow != tt.allow || tt.allow && d.Token != token {
			t.Errorf("%d cookies: got %t %s, %v; want %t", len(tt.cookies), d.Allow, d.Message, err, tt.allow)
		}
	}
}
