package oauthagent

import (
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/dbsc"
	"github.com/tokenhandler/aws/lambda/internal/dbsc/dbsctest"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
)

// benchAgent is an agent whose provider does not exist, and a bound session.
func benchAgent(b *testing.B, device dbsctest.Device) (http.Handler, *http.Request) {
	ring, err := cookie.NewRing(currentKey)
	if err != nil {
		b.Fatal(err)
	}
	a := New(Config{
		BasePath: "/oauth-agent", Ring: ring, Names: names, Rules: csrf.Rules{TrustedOrigins: []string{origin}, HeaderName: "x-th-csrf"},
		Provider: oauth.New(oauth.Config{Issuer: "https://login.invalid", ClientID: "spa", ClientSecret: "s", Scopes: "openid"}),
		Device:   Device{Offer: true, Lifetime: 10 * time.Minute},
		Logger:   slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}).(*agent)
	session := cookie.SessionID{1, 2, 3}
	key := string(device.Key().Bytes())
	r := httptest.NewRequest("POST", "/oauth-agent/device/refresh", nil)
	for name, content := range map[string]cookie.Content{
		names.AccessToken:  {Token: "access token", Binding: cookie.DeviceFingerprint(key)},
		names.RefreshToken: {Token: "refresh token", Binding: key},
		names.IDToken:      {Token: "e30.e30."},
		names.CSRF:         {Token: ring.NewCSRF()},
	} {
		content.Session = session
		r.Header.Add("Cookie", name+"="+names.Seal(ring, name, content))
	}
	c := &call{now: time.Now()}
	byItself(device.Refresh(a.challenge(c, session, forRefresh, challengeTime)), header(dbsc.HeaderSession, hex.EncodeToString(session[:])))(r)
	return a, r
}

func benchServe(b *testing.B, h http.Handler, r *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
}

// BenchmarkDeviceRefresh compares with BenchmarkSession, which opens the same
// cookies, and with BenchmarkVerifyProof, which verifies the same signature.
func BenchmarkDeviceRefresh(b *testing.B) {
	a, r := benchAgent(b, dbsctest.New(b))
	benchServe(b, a, r)
}

func BenchmarkSession(b *testing.B) {
	a, r := benchAgent(b, dbsctest.New(b))
	r.Method, r.URL.Path = "GET", "/oauth-agent/session"
	header("Origin", origin)(r)
	header("token-handler-version", "1")(r)
	header("Sec-Fetch-Site", "same-site")(r)
	benchServe(b, a, r)
}

func BenchmarkVerifyProof(b *testing.B) {
	d := dbsctest.New(b)
	proof := d.Refresh("challenge")
	for b.Loop() {
		if _, err := dbsc.Refresh(proof, d.Key()); err != nil {
			b.Fatal(err)
		}
	}
}
