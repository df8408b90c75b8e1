package oauthproxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

type headers = map[string][]string

// Only the setting true accepts tokens of callers (P3).
func TestBearerIsOffUnlessTurnedOn(t *testing.T) {
	r := get(headers{"Authorization": {"Bearer junk"}})
	for value, on := range map[string]bool{"": false, "false": false, "true": true} {
		env := map[string]string{"TRUSTED_WEB_ORIGINS": trusted, "ENCRYPTION_KEY": testKey, "DEPLOYMENT": "https://login.example.com spa", "ALLOW_TOKEN": value}
		s, err := settings.Load[settings.Authorizer](func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		d := decide(t, proxyWith(t, func(a *settings.Authorizer) { a.AccessTokens.AllowToken = s.AccessTokens.AllowToken }), r)
		if d.Allow != on {
			t.Errorf("ALLOW_TOKEN=%q: got allow %v, %q", value, d.Allow, d.Message)
		}
	}
	for _, value := range []string{"FALSE", "0", "no", "off", "1", "True", "yes"} {
		env := map[string]string{"TRUSTED_WEB_ORIGINS": trusted, "ENCRYPTION_KEY": testKey, "DEPLOYMENT": "https://login.example.com spa", "ALLOW_TOKEN": value}
		if _, err := settings.Load[settings.Authorizer](func(name string) (string, bool) { v, ok := env[name]; return v, ok }); err == nil {
			t.Errorf("ALLOW_TOKEN=%q was accepted", value)
		}
	}
}

func TestBearer(t *testing.T) {
	idp := newProvider(t)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	good := idp.token(t, nil)
	session := sealed(t, testKey, accessToken(testToken), csrfContent())
	bearer := func(value string) headers { return headers{"Authorization": {value}} }
	for _, tt := range []struct {
		name    string
		method  string
		headers headers
		code    string // "" means Allow
		message string
	}{
		{"P17 only a token", "GET", bearer("Bearer " + good), "", ""},
		{"an unsafe method without CSRF", "POST", bearer("Bearer " + good), "", ""},
		{"P18 scheme in lower case", "GET", bearer("bearer " + good), "", ""},
		{"P18 scheme in upper case", "GET", headers{"authorization": {"BEARER " + good}}, "", ""},
		{"a trusted Origin", "POST", headers{"Authorization": {"Bearer " + good}, "Origin": {trusted}}, "", ""},
		{"cookies of others", "GET", headers{"Authorization": {"Bearer " + good}, "Cookie": {"a=b; __host-th-at=x"}}, "", ""},

		{"an untrusted Origin", "GET", headers{"Authorization": {"Bearer " + good}, "Origin": {"https://evil.example"}}, contract.CodeUnauthorizedRequest, string(csrf.OriginUntrusted)},
		{"Origin null", "GET", headers{"Authorization": {"Bearer " + good}, "Origin": {"null"}}, contract.CodeUnauthorizedRequest, string(csrf.OriginUntrusted)},
		{"an empty Origin", "GET", headers{"Authorization": {"Bearer " + good}, "Origin": {""}}, contract.CodeUnauthorizedRequest, string(csrf.OriginUntrusted)},
		{"two Origins", "GET", headers{"Authorization": {"Bearer " + good}, "Origin": {trusted}, "origin": {"https://evil.example"}}, contract.CodeUnauthorizedRequest, string(csrf.OriginAmbiguous)},
		{"a token and a session", "GET", headers{"Authorization": {"Bearer " + good}, "Origin": {trusted}, "Cookie": {session}}, contract.CodeUnauthorizedRequest, messageTwoCredentials},
		{"a token and a broken session", "GET", headers{"Authorization": {"Bearer " + good}, "Cookie": {names.AccessToken + "=x; " + names.AccessToken + "=y"}}, contract.CodeUnauthorizedRequest, messageTwoCredentials},
		{"a bad token does not fall back to the session", "GET", headers{"Authorization": {"Bearer junk"}, "Origin": {trusted}, "Cookie": {session}}, contract.CodeUnauthorizedRequest, messageTwoCredentials},
		{"an empty Authorization does not either", "GET", headers{"Authorization": {""}, "Origin": {trusted}, "Cookie": {session}}, contract.CodeUnauthorizedRequest, messageNotBearer},
		{"two tokens", "GET", headers{"Authorization": {"Bearer " + good, "Bearer x"}}, contract.CodeUnauthorizedRequest, messageNotBearer},
		{"the same token twice", "GET", headers{"Authorization": {"Bearer " + good, "Bearer " + good}}, contract.CodeUnauthorizedRequest, messageNotBearer},
		{"two headers in different case", "GET", headers{"Authorization": {"Bearer " + good}, "authorization": {"Bearer x"}}, contract.CodeUnauthorizedRequest, messageNotBearer},
		{"two tokens in one value", "GET", bearer("Bearer " + good + ", Bearer x"), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"two tokens without a space", "GET", bearer("Bearer " + good + ",x"), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"another scheme", "GET", bearer("Basic " + good), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"a scheme that begins alike", "GET", bearer("BearerX " + good), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"no scheme", "GET", bearer(good), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"no token", "GET", bearer("Bearer "), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"two spaces", "GET", bearer("Bearer  " + good), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"a line break", "GET", bearer("Bearer " + good + "\r\nX: y"), contract.CodeUnauthorizedRequest, messageNotBearer},
		{"method override", "GET", headers{"Authorization": {"Bearer " + good}, "X-HTTP-Method-Override": {"DELETE"}}, contract.CodeUnauthorizedRequest, messageOverride},

		{"junk", "GET", bearer("Bearer junk"), contract.CodeUnauthorizedRequest, messageInvalid},
		{"expired", "GET", bearer("Bearer " + idp.token(t, object{"exp": testTime.Unix()})), contract.CodeTokenExpired, messageExpired},
		{"signed by somebody else", "GET", bearer("Bearer " + signWith(t, other, object{"iss": issuer, "aud": audience, "exp": testTime.Unix() + 60})), contract.CodeUnauthorizedRequest, messageInvalid},
		{"of another issuer", "GET", bearer("Bearer " + idp.token(t, object{"iss": "https://evil.example"})), contract.CodeUnauthorizedRequest, messageInvalid},
		{"for another audience", "GET", bearer("Bearer " + idp.token(t, object{"aud": "spa-client"})), contract.CodeUnauthorizedRequest, messageInvalid},
		{"an ID token", "GET", bearer("Bearer " + idp.token(t, object{"aud": []string{audience, agentClient}, "nonce": "n"})), contract.CodeUnauthorizedRequest, messageInvalid},
		{"bound to a key", "GET", bearer("Bearer " + idp.token(t, object{"cnf": object{"jkt": "x"}})), contract.CodeUnauthorizedRequest, messageInvalid},
		{"altered", "GET", bearer("Bearer " + good[:len(good)-8] + "AAAAAAAA"), contract.CodeUnauthorizedRequest, messageInvalid},
		{"no signature", "GET", bearer("Bearer " + good[:strings.LastIndex(good, ".")+1]), contract.CodeUnauthorizedRequest, messageInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true; idp.verify(s) })
			d := decide(t, p, request(tt.method, tt.headers))
			if d.Allow != (tt.code == "") || d.Code != tt.code || d.Message != tt.message {
				t.Fatalf("got allow %v, %q, %q; want %q, %q", d.Allow, d.Code, d.Message, tt.code, tt.message)
			}
			if d.Allow && (d.Token != good || d.Subject != "user-1" || d.principal() != "user-1") {
				t.Errorf("got %+v", d)
			}
			if !d.Allow && d.Token != "" {
				t.Error("a refusal carries a token")
			}
			if _, given := tt.headers["Origin"]; d.Allow && given != (d.AllowedOrigin == trusted) {
				t.Errorf("allowedOrigin is %q", d.AllowedOrigin)
			}
		})
	}
}

// Without verification the claims of a caller's token become neither the principal
// nor the sub of the context (P5).
func TestBearerUnverified(t *testing.T) {
	idp := newProvider(t)
	forged := idp.token(t, object{"sub": "admin"})
	p := proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true })
	r := get(headers{"Authorization": {"Bearer " + forged}})
	r.MethodArn = arnPrefix + "GET/orders"
	response, err := p.Handle(context.Background(), *r)
	if err != nil {
		t.Fatal(err)
	}
	if response.PolicyDocument.Statement[0].Effect != "Allow" || response.Context["token"] != "Bearer "+forged {
		t.Errorf("got %+v", response)
	}
	if response.PrincipalID != "caller" || response.Context["sub"] != nil {
		t.Errorf("principal %q, sub %v", response.PrincipalID, response.Context["sub"])
	}
}

// The session goes on working beside it, with all its checks.
func TestBearerLeavesTheSessionAlone(t *testing.T) {
	idp := newProvider(t)
	p := proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true; idp.verify(s) })
	token := idp.token(t, nil)
	good := sealed(t, testKey, accessToken(token), csrfContent())
	if d := decide(t, p, get(headers{"Origin": {trusted}, "Cookie": {good}})); !d.Allow || d.Token != token {
		t.Errorf("GET: %q", d.Message)
	}
	if d := decide(t, p, request("POST", headers{"Origin": {trusted}, "Cookie": {good}})); d.Allow || d.Message != string(csrf.TokenMissing) {
		t.Errorf("POST without CSRF: allow %v, %q", d.Allow, d.Message)
	}
	if d := decide(t, p, get(headers{"Cookie": {good}})); d.Allow {
		t.Error("GET without Origin is allowed")
	}
	// With verification on, a sealed token is verified as well.
	opaque := sealed(t, testKey, accessToken(testToken), csrfContent())
	if d := decide(t, p, get(headers{"Origin": {trusted}, "Cookie": {opaque}})); d.Allow || d.Message != messageInvalid {
		t.Errorf("opaque: allow %v, %q", d.Allow, d.Message)
	}
}

// Without the key set no token can be verified, and no decision is made.
func TestBearerWithoutKeySet(t *testing.T) {
	idp := newProvider(t)
	token := idp.token(t, nil)
	p := proxyWith(t, func(s *settings.Authorizer) { s.AccessTokens.AllowToken = true; idp.verify(s) })
	idp.Close()
	d, err := p.Decide(context.Background(), get(headers{"Authorization": {"Bearer " + token}}))
	if err == nil || d.Allow || d.Token != "" {
		t.Errorf("got %+v, %v", d, err)
	}
}
