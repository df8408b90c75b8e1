package dpop

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

var now = time.Unix(1_800_000_000, 900)

func mustKey(t testing.TB) *Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// open verifies a proof with an implementation that is not ours.
func open(t *testing.T, proof string) (header map[string]any, claims map[string]any) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	key := jws.Signatures[0].Protected.JSONWebKey
	if key == nil || !key.IsPublic() {
		t.Fatal("the header has no public key")
	}
	payload, err := jws.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(proof[:strings.IndexByte(proof, '.')])
	if err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal(raw, &header) != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatal("the proof is not JSON")
	}
	return header, claims
}

// RFC 9449 section 4.2: the members of a proof, and no others.
func TestProof(t *testing.T) {
	key := mustKey(t)
	// The token and its hash are the example of section 7.1.
	const token, ath = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
	for _, tt := range []struct {
		name    string
		request Request
		want    map[string]any // besides jti and iat
	}{
		{"token endpoint", Request{Method: "POST", URL: "https://server.example.com/token"},
			map[string]any{"htm": "POST", "htu": "https://server.example.com/token"}},
		{"resource", Request{Method: "GET", URL: "https://resource.example.org/p?a=b#c", AccessToken: token},
			map[string]any{"htm": "GET", "htu": "https://resource.example.org/p", "ath": ath}},
		{"nonce", Request{Method: "GET", URL: "https://resource.example.org/p", AccessToken: token, Nonce: "eyJ7S_zG.eyJH0-Z.HX4w-7v"},
			map[string]any{"htm": "GET", "htu": "https://resource.example.org/p", "ath": ath, "nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.Now = now
			proof, err := key.Proof(tt.request)
			if err != nil {
				t.Fatal(err)
			}
			header, claims := open(t, proof)
			if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || len(header) != 3 {
				t.Errorf("got the header %v", header)
			}
			if public := header["jwk"].(map[string]any); len(public) != 4 || public["kty"] != "EC" || public["crv"] != "P-256" {
				t.Errorf("got the jwk %v, want kty, crv, x and y", public)
			}
			if id, _ := claims["jti"].(string); len(id) < 16 {
				t.Errorf("got the jti %q", id)
			}
			if claims["iat"] != float64(now.Unix()) {
				t.Errorf("got the iat %v", claims["iat"])
			}
			delete(claims, "jti")
			delete(claims, "iat")
			if diff := cmp.Diff(tt.want, claims); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Section 4.2: jti is unique. RFC 7518 section 3.4: R and S have 32 bytes each,
// also where they begin with zeros, as one in 128 does.
func TestProofsDiffer(t *testing.T) {
	key, seen := mustKey(t), map[any]bool{}
	for range 1000 {
		proof, err := key.Proof(Request{Method: "GET", URL: "https://a.example/", Now: now})
		if err != nil {
			t.Fatal(err)
		}
		_, claims := open(t, proof)
		if seen[claims["jti"]] {
			t.Fatal("the same jti twice")
		}
		seen[claims["jti"]] = true
	}
}

func TestBind(t *testing.T) {
	key := mustKey(t)
	for _, token := range []string{"opaque", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "dpop-bound-1-x", "x"} {
		text := key.Bind(token)
		again, got, err := Open(text)
		if err != nil || got != token || !again.private.Equal(key.private) || again.public != key.public {
			t.Errorf("%s: got %q, %v", token, got, err)
		}
		if !IsBound(text) || Token(text) != token {
			t.Errorf("%s: Token returned %q", token, Token(text))
		}
		// So that package cookie packs it as raw bytes.
		if n := len(text) - len(token); n%4 != 0 {
			t.Errorf("got %d characters in front, want a multiple of four", n)
		}
		if _, err := base64.RawURLEncoding.Strict().DecodeString(text[:len(text)-len(token)]); err != nil {
			t.Errorf("the prefix is not base64url: %v", err)
		}
	}
	if key.Bind("") != "" || Token("plain") != "plain" {
		t.Error("no token became one, or a plain one another")
	}
}

func TestOpenRefuses(t *testing.T) {
	good := mustKey(t).Bind("token")
	zeros := prefix + strings.Repeat("A", keyLength)
	for name, text := range map[string]string{
		"plain":               "opaque-text",
		"no token":            good[:len(prefix)+keyLength],
		"half a key":          good[:len(prefix)+20],
		"zero":                zeros + "token",
		"more than the order": prefix + strings.Repeat("_", keyLength-1) + "8" + "token",
		"no base64url":        prefix + "!" + good[len(prefix)+1:],
		"line break":          prefix + "\n" + good[len(prefix)+1:],
		"trailing bits":       prefix + strings.Repeat("A", keyLength-1) + "F" + "token",
	} {
		if _, _, err := Open(text); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want an error that does not show it", name, err)
		}
	}
}

func TestTarget(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example":                 "https://a.example/",
		"https://a.example?x=1":             "https://a.example/",
		"https://a.example/b?x=1#y":         "https://a.example/b",
		"https://a.example/b#y?x":           "https://a.example/b",
		"https://a.example/%C3%A5%20b":      "https://a.example/%C3%A5%20b",
		"http://127.0.0.1:3003/orders/a;b":  "http://127.0.0.1:3003/orders/a;b",
		"/relative":                         "",
		"ftp://a.example/":                  "",
		"https://user:password@a.example/b": "",
		"https:///b":                        "",
	} {
		if got, err := Target(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

// Section 8.1: nonce = 1*NQCHAR.
func TestIsNonce(t *testing.T) {
	for text, want := range map[string]bool{
		"eyJ7S_zG.eyJH0-Z.HX4w-7v": true, "!#[]~": true, strings.Repeat("x", 256): true,
		"": false, `a"b`: false, `a\b`: false, "a b": false, "a\n": false, "å": false, strings.Repeat("x", 257): false,
	} {
		if IsNonce(text) != want {
			t.Errorf("%q: got %t", text, !want)
		}
	}
}

// The key that is proven is the one that tokens are bound to.
func TestThumbprint(t *testing.T) {
	key := mustKey(t)
	again, _, err := Open(key.Bind("token"))
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := func(k *Key) string {
		proof, err := k.Proof(Request{Method: "GET", URL: "https://a.example/", Now: now})
		if err != nil {
			t.Fatal(err)
		}
		jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		sum, err := jws.Signatures[0].Protected.JSONWebKey.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return string(sum)
	}
	if thumbprint(key) != thumbprint(again) || thumbprint(key) == thumbprint(mustKey(t)) {
		t.Error("a key has another thumbprint after it was kept, or that of another")
	}
}

// A text that opens is exactly the output of Bind.
func FuzzOpen(f *testing.F) {
	f.Add(mustKey(f).Bind("token"))
	f.Add("token")
	f.Add(prefix)
	f.Fuzz(func(t *testing.T, text string) {
		key, token, err := Open(text)
		if err != nil {
			return
		}
		if key.Bind(token) != text || Token(text) != token {
			t.Error("the text is not the one that Bind makes")
		}
	})
}
