package dbsc_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/lambda/internal/dbsc"
	"github.com/tokenhandler/aws/lambda/internal/dbsc/dbsctest"
)

func TestRegister(t *testing.T) {
	b, other := dbsctest.New(t), dbsctest.New(t)
	claims := map[string]any{"jti": "challenge"}
	private := b.JWK()
	private["d"] = "AAAA"
	short := b.JWK()
	short["x"] = "AAAA"
	offCurve := b.JWK()
	offCurve["y"] = offCurve["x"]
	good := b.Sign(dbsctest.Header("jwk", b.JWK()), claims)
	for name, tt := range map[string]struct {
		header string
		ok     bool
	}{
		"unquoted":               {good, true},
		"quoted":                 {`"` + good + `"`, true},
		"audience and time":      {b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{"jti": "challenge", "aud": "https://api.example.com", "iat": 1}), true},
		"no key":                 {b.Sign(dbsctest.Header(), claims), false},
		"another key than signs": {b.Sign(dbsctest.Header("jwk", other.JWK()), claims), false},
		"private key":            {b.Sign(dbsctest.Header("jwk", private), claims), false},
		"short coordinate":       {b.Sign(dbsctest.Header("jwk", short), claims), false},
		"off the curve":          {b.Sign(dbsctest.Header("jwk", offCurve), claims), false},
		"algorithm none":         {b.Sign(dbsctest.Header("jwk", b.JWK(), "alg", "none"), claims), false},
		"algorithm HS256":        {b.Sign(dbsctest.Header("jwk", b.JWK(), "alg", "HS256"), claims), false},
		"another type":           {b.Sign(dbsctest.Header("jwk", b.JWK(), "typ", "JWT"), claims), false},
		"critical extension":     {b.Sign(dbsctest.Header("jwk", b.JWK(), "crit", []string{"x"}), claims), false},
		"no challenge":           {b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{}), false},
		"challenge not a string": {b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{"jti": 1}), false},
		"challenge in capitals":  {b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{"JTI": "challenge"}), false},
		"long challenge":         {b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{"jti": strings.Repeat("a", dbsc.MaxChallenge+1)}), false},
		"oversized":              {b.Sign(dbsctest.Header("jwk", b.JWK(), "x", strings.Repeat("a", dbsc.MaxProof)), claims), false},
		"claims changed":         {swap(good, 1, base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"other"}`))), false},
		"no signature":           {strings.Join(strings.Split(good, ".")[:2], ".") + ".", false},
		"zero signature":         {swap(good, 2, base64.RawURLEncoding.EncodeToString(make([]byte, 64))), false},
		"four parts":             {good + ".x", false},
		"one quote":              {`"` + good, false},
		"empty":                  {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			key, challenge, err := dbsc.Register(tt.header)
			switch {
			case tt.ok && (err != nil || challenge != "challenge" || !same(key, b.Key())):
				t.Errorf("got %q, %v", challenge, err)
			case !tt.ok && (err == nil || challenge != "" || key != (dbsc.Key{})):
				t.Errorf("got %q, %v, want an error and no results", challenge, err)
			}
		})
	}
}

func same(a, b dbsc.Key) bool { return bytes.Equal(a.Bytes(), b.Bytes()) }

func swap(jwt string, part int, with string) string {
	parts := strings.Split(jwt, ".")
	parts[part] = with
	return strings.Join(parts, ".")
}

func TestRefresh(t *testing.T) {
	b, other := dbsctest.New(t), dbsctest.New(t)
	claims := map[string]any{"jti": "challenge"}
	for name, tt := range map[string]struct {
		header string
		ok     bool
	}{
		"signed by the session's key":   {b.Sign(dbsctest.Header(), claims), true},
		"with the session's key in it":  {b.Sign(dbsctest.Header("jwk", b.JWK()), claims), true},
		"signed by another key":         {other.Sign(dbsctest.Header(), claims), false},
		"another key brought by itself": {other.Sign(dbsctest.Header("jwk", other.JWK()), claims), false},
		"another key swapped in":        {b.Sign(dbsctest.Header("jwk", other.JWK()), claims), false},
		"algorithm none":                {swap(b.Sign(dbsctest.Header("alg", "none"), claims), 2, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			challenge, err := dbsc.Refresh(tt.header, b.Key())
			if (err == nil) != tt.ok || tt.ok != (challenge == "challenge") {
				t.Errorf("got %q, %v", challenge, err)
			}
		})
	}
}

func TestKeyRoundTrip(t *testing.T) {
	key := dbsctest.New(t).Key()
	got, err := dbsc.ParseKey(key.Bytes())
	if err != nil || !same(got, key) {
		t.Errorf("got %v", err)
	}
	for name, b := range map[string][]byte{"short": key.Bytes()[1:], "zero": make([]byte, 64), "none": nil} {
		if _, err := dbsc.ParseKey(b); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
}

func TestMessages(t *testing.T) {
	if got, want := dbsc.Registration("/oauth-agent/device/register", "abc"), `(ES256);path="/oauth-agent/device/register";challenge="abc"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := dbsc.Challenge("abc", "s1"), `"abc";id="s1"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := `{"session_identifier":"s1","refresh_url":"/r","scope":{"include_site":false},"allowed_refresh_initiators":["www.example.com"],` +
		`"credentials":[{"type":"cookie","name":"__Host-th-dev","attributes":"Path=/; Secure"}]}`
	got := dbsc.Instructions{Session: "s1", RefreshURL: "/r", Initiators: []string{"www.example.com"}, Cookie: "__Host-th-dev", Attributes: "Path=/; Secure"}.JSON()
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got, want := string(dbsc.Ended("s1")), `{"session_identifier":"s1","continue":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A proof that a mutation leaves valid must still be signed by its key.
func FuzzRegister(f *testing.F) {
	b := dbsctest.New(f)
	good := b.Sign(dbsctest.Header("jwk", b.JWK()), map[string]any{"jti": "challenge"})
	f.Add(good)
	f.Add(`"` + good + `"`)
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, header string) {
		key, challenge, err := dbsc.Register(header)
		if err != nil {
			if key != (dbsc.Key{}) || challenge != "" {
				t.Fatal("results beside an error")
			}
			return
		}
		if again, err := dbsc.Refresh(header, key); err != nil || again != challenge {
			t.Fatalf("accepted by Register, refused by Refresh: %v", err)
		}
	})
}
