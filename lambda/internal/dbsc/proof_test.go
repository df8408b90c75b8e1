package dbsc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// browser has a key and signs proofs as a browser does.
type browser struct{ private *ecdsa.PrivateKey }

func newBrowser(t testing.TB) browser {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return browser{private}
}

func (b browser) key() Key { return Key{&b.private.PublicKey} }

func (b browser) jwk() map[string]any {
	point := b.key().Bytes()
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[:32]), "y": b64.EncodeToString(point[32:])}
}

func (b browser) sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	signed := b64.EncodeToString(h) + "." + b64.EncodeToString(c)
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, b.private, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + b64.EncodeToString(signature)
}

func header(more ...any) map[string]any {
	h := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
	for i := 0; i < len(more); i += 2 {
		h[more[i].(string)] = more[i+1]
	}
	return h
}

func TestRegister(t *testing.T) {
	b, other := newBrowser(t), newBrowser(t)
	claims := map[string]any{"jti": "challenge"}
	private := b.jwk()
	private["d"] = "AAAA"
	short := b.jwk()
	short["x"] = "AAAA"
	offCurve := b.jwk()
	offCurve["y"] = offCurve["x"]
	good := b.sign(t, header("jwk", b.jwk()), claims)
	for name, tt := range map[string]struct {
		header string
		ok     bool
	}{
		"unquoted":               {good, true},
		"quoted":                 {`"` + good + `"`, true},
		"audience and time":      {b.sign(t, header("jwk", b.jwk()), map[string]any{"jti": "challenge", "aud": "https://api.example.com", "iat": 1}), true},
		"no key":                 {b.sign(t, header(), claims), false},
		"another key than signs": {b.sign(t, header("jwk", other.jwk()), claims), false},
		"private key":            {b.sign(t, header("jwk", private), claims), false},
		"short coordinate":       {b.sign(t, header("jwk", short), claims), false},
		"off the curve":          {b.sign(t, header("jwk", offCurve), claims), false},
		"algorithm none":         {b.sign(t, header("jwk", b.jwk(), "alg", "none"), claims), false},
		"algorithm HS256":        {b.sign(t, header("jwk", b.jwk(), "alg", "HS256"), claims), false},
		"another type":           {b.sign(t, header("jwk", b.jwk(), "typ", "JWT"), claims), false},
		"critical extension":     {b.sign(t, header("jwk", b.jwk(), "crit", []string{"x"}), claims), false},
		"no challenge":           {b.sign(t, header("jwk", b.jwk()), map[string]any{}), false},
		"challenge not a string": {b.sign(t, header("jwk", b.jwk()), map[string]any{"jti": 1}), false},
		"challenge in capitals":  {b.sign(t, header("jwk", b.jwk()), map[string]any{"JTI": "challenge"}), false},
		"long challenge":         {b.sign(t, header("jwk", b.jwk()), map[string]any{"jti": strings.Repeat("a", MaxChallenge+1)}), false},
		"oversized":              {b.sign(t, header("jwk", b.jwk(), "x", strings.Repeat("a", MaxProof)), claims), false},
		"claims changed":         {swap(good, 1, b64.EncodeToString([]byte(`{"jti":"other"}`))), false},
		"no signature":           {strings.Join(strings.Split(good, ".")[:2], ".") + ".", false},
		"zero signature":         {swap(good, 2, b64.EncodeToString(make([]byte, 64))), false},
		"four parts":             {good + ".x", false},
		"one quote":              {`"` + good, false},
		"empty":                  {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			key, challenge, err := Register(tt.header)
			switch {
			case tt.ok && (err != nil || challenge != "challenge" || !key.equal(b.key())):
				t.Errorf("got %q, %v", challenge, err)
			case !tt.ok && (err == nil || challenge != "" || key.public != nil):
				t.Errorf("got %q, %v, want an error and no results", challenge, err)
			}
		})
	}
}

func swap(jwt string, part int, with string) string {
	parts := strings.Split(jwt, ".")
	parts[part] = with
	return strings.Join(parts, ".")
}

func TestRefresh(t *testing.T) {
	b, other := newBrowser(t), newBrowser(t)
	claims := map[string]any{"jti": "challenge"}
	for name, tt := range map[string]struct {
		header string
		ok     bool
	}{
		"signed by the session's key":   {b.sign(t, header(), claims), true},
		"with the session's key in it":  {b.sign(t, header("jwk", b.jwk()), claims), true},
		"signed by another key":         {other.sign(t, header(), claims), false},
		"another key brought by itself": {other.sign(t, header("jwk", other.jwk()), claims), false},
		"another key swapped in":        {b.sign(t, header("jwk", other.jwk()), claims), false},
		"algorithm none":                {swap(b.sign(t, header("alg", "none"), claims), 2, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			challenge, err := Refresh(tt.header, b.key())
			if (err == nil) != tt.ok || tt.ok != (challenge == "challenge") {
				t.Errorf("got %q, %v", challenge, err)
			}
		})
	}
}

func TestKeyRoundTrip(t *testing.T) {
	key := newBrowser(t).key()
	got, err := ParseKey(key.Bytes())
	if err != nil || !got.equal(key) {
		t.Errorf("got %v", err)
	}
	for name, b := range map[string][]byte{"short": key.Bytes()[1:], "zero": make([]byte, 64), "none": nil} {
		if _, err := ParseKey(b); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
}

func TestMessages(t *testing.T) {
	if got, want := Registration("/oauth-agent/device/register", "abc"), `(ES256);path="/oauth-agent/device/register";challenge="abc"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Challenge("abc", "s1"), `"abc";id="s1"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := `{"session_identifier":"s1","refresh_url":"/r","scope":{"include_site":false},"allowed_refresh_initiators":["www.example.com"],` +
		`"credentials":[{"type":"cookie","name":"__Host-th-dev","attributes":"Path=/; Secure"}]}`
	got := Instructions{Session: "s1", RefreshURL: "/r", Initiators: []string{"www.example.com"}, Cookie: "__Host-th-dev", Attributes: "Path=/; Secure"}.JSON()
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got, want := string(Ended("s1")), `{"session_identifier":"s1","continue":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A proof that a mutation leaves valid must still be signed by its key.
func FuzzRegister(f *testing.F) {
	b := newBrowser(f)
	good := b.sign(f, header("jwk", b.jwk()), map[string]any{"jti": "challenge"})
	f.Add(good)
	f.Add(`"` + good + `"`)
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, header string) {
		key, challenge, err := Register(header)
		if err != nil {
			if key.public != nil || challenge != "" {
				t.Fatal("results beside an error")
			}
			return
		}
		if again, err := Refresh(header, key); err != nil || again != challenge {
			t.Fatalf("accepted by Register, refused by Refresh: %v", err)
		}
	})
}
