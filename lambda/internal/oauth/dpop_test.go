package oauth_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/dpop"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// proof is a proof that an endpoint received.
type proof struct {
	thumbprint    string
	claims        map[string]any
	authorization string
}

// bindingProvider is a provider that demands proofs and keeps them.
type bindingProvider struct {
	*oauthtest.Provider
	proofs map[string][]proof // by path; nil claims stand for no proof
	// nonce of the path, or empty; answers that demand it until it is sent.
	nonce map[string]string
}

func newBinding(t *testing.T) *bindingProvider {
	b := &bindingProvider{oauthtest.New(t), map[string][]proof{}, map[string]string{}}
	b.TokenAnswer = oauthtest.Set(map[string]any{"token_type": "DPoP"})
	b.Metadata = oauthtest.Set(map[string]any{"revocation_endpoint": b.Issuer() + "/revoke"})
	demanded := func(w http.ResponseWriter, r *http.Request, status int) bool {
		got := b.read(t, r)
		b.proofs[r.URL.Path] = append(b.proofs[r.URL.Path], got)
		want := b.nonce[r.URL.Path]
		if want != "" {
			w.Header().Set("DPoP-Nonce", want)
		}
		if want == "" || got.claims["nonce"] == want {
			return false
		}
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		oauthtest.Answer(status, "application/json", `{"error":"use_dpop_nonce"}`)(w, r)
		return true
	}
	b.On["/token"] = func(w http.ResponseWriter, r *http.Request) {
		if !demanded(w, r, 400) && r.ParseForm() == nil {
			b.Grant(w, r)
		}
	}
	b.On["/userinfo"] = func(w http.ResponseWriter, r *http.Request) {
		if !demanded(w, r, 401) {
			oauthtest.Answer(200, "application/json", `{"sub":"alice"}`)(w, r)
		}
	}
	return b
}

func (b *bindingProvider) read(t *testing.T, r *http.Request) proof {
	t.Helper()
	got := proof{authorization: r.Header.Get("Authorization")}
	values := r.Header.Values("DPoP")
	if len(values) == 0 {
		return got
	}
	jws, err := jose.ParseSignedCompact(values[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(values) != 1 {
		t.Errorf("got %d proofs, %v", len(values), err)
		return got
	}
	key := jws.Signatures[0].Protected.JSONWebKey
	payload, err := jws.Verify(key)
	if err != nil || json.Unmarshal(payload, &got.claims) != nil {
		t.Errorf("the proof does not verify: %v", err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Error(err)
	}
	got.thumbprint = string(sum)
	return got
}

func (b *bindingProvider) client(bound bool) *oauth.Client {
	return oauth.New(oauth.Config{
		Issuer: b.Issuer(), ClientID: oauthtest.ClientID, ClientSecret: oauthtest.ClientSecret,
		Scopes: "openid", RedirectURI: oauthtest.RedirectURI, DPoP: bound,
	})
}

func (b *bindingProvider) login(t *testing.T, c *oauth.Client) (oauth.Tokens, error) {
	t.Helper()
	authorizationURL, login, err := c.Authorize(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Exchange(t.Context(), b.Authorize(t, authorizationURL).Get("code"), login)
}

func kindOf(err error) oauth.Kind {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return -1
	}
	return e.Kind
}

// RFC 9449 section 5 and 7.1: one key for a session, at login, at each refresh
// and at the UserInfo endpoint, and a new one for the next session.
func TestDPoP(t *testing.T) {
	b := newBinding(t)
	c := b.client(true)
	tokens, err := b.login(t, c)
	if err != nil {
		t.Fatal(err)
	}
	refreshed, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UserInfo(t.Context(), refreshed.AccessToken, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.login(t, c); err != nil {
		t.Fatal(err)
	}
	at, info := b.proofs["/token"], b.proofs["/userinfo"]
	if len(at) != 3 || len(info) != 1 {
		t.Fatalf("got %d and %d requests", len(at), len(info))
	}
	for i, got := range at {
		if got.claims["htm"] != "POST" || got.claims["htu"] != b.Issuer()+"/token" || got.claims["ath"] != nil || got.claims["nonce"] != nil {
			t.Errorf("token request %d: got %v", i, got.claims)
		}
	}
	if at[0].thumbprint != at[1].thumbprint || at[0].thumbprint != info[0].thumbprint {
		t.Error("the session has more than one key")
	}
	if at[0].thumbprint == at[2].thumbprint || at[0].claims["jti"] == at[1].claims["jti"] {
		t.Error("two sessions have one key, or two proofs one id")
	}
	_, access, err := dpop.Open(refreshed.AccessToken)
	if err != nil || info[0].authorization != "DPoP "+access || info[0].claims["ath"] == nil ||
		info[0].claims["htm"] != "GET" || info[0].claims["htu"] != b.Issuer()+"/userinfo" {
		t.Errorf("UserInfo: got %v, %v", info[0].claims, err)
	}
	if !dpop.IsBound(tokens.RefreshToken) {
		t.Error("the refresh token has no key")
	}
}

// Section 5: where the binding counts, a response of another type is discarded.
func TestDPoPTokenType(t *testing.T) {
	for _, tt := range []struct {
		bound bool
		kind  any
		ok    bool
	}{{true, "DPoP", true}, {true, "dpop", true}, {true, "Bearer", false}, {true, nil, false}, {false, "DPoP", false}, {false, "Bearer", true}} {
		b := newBinding(t)
		b.TokenAnswer = oauthtest.Set(map[string]any{"token_type": tt.kind})
		if _, err := b.login(t, b.client(tt.bound)); (err == nil) != tt.ok {
			t.Errorf("DPoP %t, token type %v: got %v", tt.bound, tt.kind, err)
		}
	}
}

// Section 8 and 9: a demanded nonce is sent, once more and not again, kept for
// the next proof, and not that of another server.
func TestDPoPNonce(t *testing.T) {
	b := newBinding(t)
	b.nonce["/token"], b.nonce["/userinfo"] = "n-1", "m-1"
	c := b.client(true)
	tokens, err := b.login(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err = c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.UserInfo(t.Context(), tokens.AccessToken, "alice"); err != nil {
			t.Fatal(err)
		}
	}
	if at, info := len(b.proofs["/token"]), len(b.proofs["/userinfo"]); at != 3 || info != 3 {
		t.Errorf("got %d token and %d UserInfo requests, want 2 and 1, 2 and 1", at, info)
	}
	if first := b.proofs["/userinfo"][0]; first.claims["nonce"] != nil {
		t.Errorf("the UserInfo endpoint got the nonce %v of another", first.claims["nonce"])
	}
	if at := b.proofs["/token"]; at[0].claims["jti"] == at[1].claims["jti"] {
		t.Error("the second attempt has the proof of the first")
	}

	for name, handler := range map[string]http.HandlerFunc{
		"another nonce each time": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", "x"+r.Header.Get("DPoP")[len(r.Header.Get("DPoP"))-8:])
			oauthtest.Answer(400, "application/json", `{"error":"use_dpop_nonce"}`)(w, r)
		},
		"no nonce": oauthtest.Answer(400, "application/json", `{"error":"use_dpop_nonce"}`),
		"a nonce that cannot be used": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", `a"b`)
			oauthtest.Answer(400, "application/json", `{"error":"use_dpop_nonce"}`)(w, r)
		},
		"two nonces": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Dpop-Nonce"] = []string{"a", "b"}
			oauthtest.Answer(400, "application/json", `{"error":"use_dpop_nonce"}`)(w, r)
		},
		"refused proof": oauthtest.Answer(400, "application/json", `{"error":"invalid_dpop_proof"}`),
	} {
		b.On["/token"] = handler
		before := b.Requests("/token")
		_, err := c.Refresh(t.Context(), tokens.RefreshToken, tokens.IDToken)
		want := 1
		if name == "another nonce each time" {
			want = 2
		}
		if got := b.Requests("/token") - before; kindOf(err) != oauth.Unavailable || got != want || !strings.Contains(err.Error(), "proof of possession") {
			t.Errorf("%s: got %v after %d requests, want %d", name, err, got, want)
		}
	}
}

// Sessions go on when DPoP is switched on or off, and no key is ever sent.
func TestDPoPSwitched(t *testing.T) {
	b := newBinding(t)
	on, off := b.client(true), b.client(false)
	bound, err := b.login(t, on)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := off.UserInfo(t.Context(), bound.AccessToken, "alice"); kindOf(err) != oauth.TokenExpired || len(b.proofs["/userinfo"]) > 0 {
		t.Errorf("off, with a bound token: got %v", err)
	}
	b.TokenAnswer = nil // bearer
	plain, err := off.Refresh(t.Context(), bound.RefreshToken, bound.IDToken)
	if last := b.proofs["/token"][1]; err != nil || last.claims != nil || dpop.IsBound(plain.AccessToken) || dpop.IsBound(plain.RefreshToken) {
		t.Errorf("off, refresh with a bound token: got %v, proof %v", err, last.claims)
	}
	if _, err := on.UserInfo(t.Context(), plain.AccessToken, "alice"); kindOf(err) != oauth.TokenExpired || len(b.proofs["/userinfo"]) > 0 {
		t.Errorf("on, with a plain token: got %v", err)
	}
	b.TokenAnswer = oauthtest.Set(map[string]any{"token_type": "DPoP"})
	again, err := on.Refresh(t.Context(), plain.RefreshToken, plain.IDToken)
	if err != nil || !dpop.IsBound(again.AccessToken) {
		t.Errorf("on, refresh with a plain token: got %v", err)
	}
	if _, err := on.Refresh(t.Context(), "dpop-bound-1-broken", again.IDToken); kindOf(err) != oauth.InvalidGrant {
		t.Errorf("on, refresh with half a key: got %v", err)
	}

	var revoked string
	b.On["/revoke"] = func(w http.ResponseWriter, r *http.Request) { revoked = r.FormValue("token") }
	for _, c := range []*oauth.Client{on, off} {
		revoked = ""
		if err := c.Revoke(t.Context(), again.RefreshToken); err != nil || revoked != dpop.Token(again.RefreshToken) || dpop.IsBound(revoked) {
			t.Errorf("revocation: got %v, with the key: %t", err, dpop.IsBound(revoked))
		}
	}
}
