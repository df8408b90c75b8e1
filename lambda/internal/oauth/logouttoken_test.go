package oauth_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// logoutClaims are those of a good logout token.
func logoutClaims(p *oauthtest.Provider) map[string]any {
	return map[string]any{
		"iss": p.Issuer(), "aud": oauthtest.ClientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": "j1", "sub": "alice", "sid": "s1",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
}

func signTyped(t testing.TB, key any, typ string, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", "k1")
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// OpenID Connect Back-Channel Logout 1.0 section 2.6.
func TestLogoutToken(t *testing.T) {
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for _, tt := range []struct {
		name   string
		claims map[string]any
		typ    string // default logout+jwt; "-": none
		text   string // in place of a token
		key    bool   // of another provider
		want   string // in the error; empty: accepted
	}{
		{name: "good"},
		{name: "typ JWT", typ: "JWT"},
		{name: "no typ", typ: "-"},
		{name: "sub alone", claims: map[string]any{"sid": nil}},
		{name: "sid alone", claims: map[string]any{"sub": nil}},
		{name: "no exp", claims: map[string]any{"exp": nil}},
		{name: "several aud", claims: map[string]any{"aud": []string{"other", oauthtest.ClientID}}},
		{name: "more events", claims: map[string]any{"events": map[string]any{event: map[string]any{"x": 1}, "urn:other": map[string]any{}}}},
		{name: "an access token", typ: "at+jwt", want: "type of another kind"},
		{name: "an ID token", typ: "JWT", claims: map[string]any{"events": nil}, want: "events"},
		{name: "an ID token with a nonce", claims: map[string]any{"nonce": "n"}, want: "nonce"},
		{name: "a nonce that is null", claims: map[string]any{"nonce": json.RawMessage("null")}, want: "nonce"},
		{name: "no sub and no sid", claims: map[string]any{"sub": nil, "sid": nil}, want: "sub and sid"},
		{name: "sub is a number", claims: map[string]any{"sub": 7}, want: "type"},
		{name: "jti missing", claims: map[string]any{"jti": nil}, want: "jti"},
		{name: "iat missing", claims: map[string]any{"iat": nil}, want: "iat is missing"},
		{name: "iat in the future", claims: map[string]any{"iat": now.Add(5 * time.Minute).Unix()}, want: "future"},
		{name: "expired", claims: map[string]any{"iat": now.Add(-4 * time.Minute).Unix(), "exp": now.Add(-2 * time.Minute).Unix()}, want: "too old"},
		{name: "old, with an exp that is far", claims: map[string]any{"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}, want: "too old"},
		{name: "of another issuer", claims: map[string]any{"iss": "https://other.example"}, want: "iss"},
		{name: "for another client", claims: map[string]any{"aud": "other"}, want: "aud"},
		{name: "event is a string", claims: map[string]any{"events": map[string]any{event: "x"}}, want: "events"},
		{name: "another event", claims: map[string]any{"events": map[string]any{"urn:other": map[string]any{}}}, want: "events"},
		{name: "events is a list", claims: map[string]any{"events": []string{event}}, want: "events"},
		{name: "signed by another", key: true, want: "signed"},
		{name: "unsigned", text: "unsigned", want: "signed"},
		{name: "no JWT", text: "leak", want: "signed"},
		{name: "empty", text: "", typ: "empty", want: "signed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, config := start(t)
			claims := logoutClaims(p)
			maps.Copy(claims, tt.claims)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
			typ, key := "logout+jwt", p.Key
			switch {
			case tt.typ == "-":
				typ = ""
			case tt.typ != "":
				typ = tt.typ
			}
			if tt.key {
				key = oauthtest.NewKey()
			}
			text := signTyped(t, key, typ, claims)
			switch {
			case tt.text == "unsigned":
				text = oauthtest.Unsigned(claims)
			case tt.text != "" || tt.typ == "empty":
				text = tt.text
			}
			got, err := oauth.New(config).LogoutToken(t.Context(), text)
			if tt.want == "" {
				if err != nil || got.ID != "j1" || got.Subject+got.SID == "" || got.Until.Before(now) || got.Until.After(now.Add(10*time.Minute)) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			want(t, p, err, oauth.Unacceptable)
			if !strings.Contains(err.Error(), tt.want) || got != (oauth.LogoutToken{}) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, tt.want)
			}
		})
	}
}
