package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// negativeSerial is a certificate with the serial number -1, which
// crypto/x509 refuses to parse: the start of one is enough.
const negativeSerial = "MIIBITCByKADAgECAgH/MAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBGxlYWY="

// A key that cannot be used never hides the others, before or after them.
func TestUnusableKeysAreSkipped(t *testing.T) {
	good := string(must(json.Marshal(public(&ecKey.PublicKey, "good", "ES256"))))
	rsaJWK := string(must(json.Marshal(public(&rsaKey.PublicKey, "x", ""))))
	edJWK := string(must(json.Marshal(public(edKey.Public(), "x", ""))))
	with := func(jwk, member string) string { return strings.TrimSuffix(jwk, "}") + "," + member + "}" }
	replace := func(jwk, name, value string) string {
		var m map[string]any
		json.Unmarshal([]byte(jwk), &m)
		delete(m, name)
		return with(string(must(json.Marshal(m))), fmt.Sprintf("%q:%s", name, value))
	}
	token := sign(t, jose.ES256, ecKey, "good", "at+jwt", claims(nil))
	for name, bad := range map[string]string{
		"null": `null`, "text": `"leak"`, "number": `7`, "list": `[]`, "empty": `{}`, "nested list": `[{"keys":[]}]`,
		"no kty": replace(rsaJWK, "kty", "null"), "unknown kty": replace(rsaJWK, "kty", `"AKP"`), "kty is a number": replace(rsaJWK, "kty", "7"),
		"n is a number": replace(rsaJWK, "n", "7"), "n is no base64url": replace(rsaJWK, "n", `"%%"`), "n is short": replace(rsaJWK, "n", `"AQAB"`),
		"n is huge": replace(rsaJWK, "n", `"`+strings.Repeat("_", 20000)+`"`), "e is even": replace(rsaJWK, "e", `"Ag"`), "e is one": replace(rsaJWK, "e", `"AQ"`),
		"e is huge": replace(rsaJWK, "e", `"____________"`), "no e": replace(rsaJWK, "e", "null"),
		"a point off its curve": replace(good, "x", `"AQAB"`), "unknown curve": replace(good, "crv", `"secp256k1"`), "x is too long": replace(good, "x", `"`+strings.Repeat("A", 100)+`"`),
		"point at infinity": replace(replace(good, "x", `""`), "y", `""`), "Ed25519 key is short": replace(edJWK, "x", `"AQAB"`), "X25519": replace(edJWK, "crv", `"X25519"`),
		"use is a list": replace(rsaJWK, "use", `["sig"]`), "alg is a number": replace(rsaJWK, "alg", "7"), "key_ops is text": with(rsaJWK, `"key_ops":"verify"`),
		"key_ops is for signing": with(rsaJWK, `"key_ops":["sign"]`), "private": with(rsaJWK, `"d":"AQAB"`), "a secret": `{"kty":"oct","k":"c2VjcmV0"}`,
		"duplicate member": with(rsaJWK, `"kid":"y"`), "not UTF-8": with(rsaJWK, "\"x\":\"\xff\""),
	} {
		for _, keys := range []string{bad + "," + good, good + "," + bad} {
			if got, err := parseKeys([]byte(`{"keys":[` + keys + `]}`)); err != nil || len(got) != 1 || got[0].id != "good" {
				t.Errorf("%s: got %d keys, %v", name, len(got), err)
			}
		}
		if _, err := parseKeys([]byte(`{"keys":[` + bad + `]}`)); err == nil || strings.Contains(err.Error(), "leak") {
			t.Errorf("%s alone: got %v", name, err)
		}
	}
	// Members that do not matter, and small errors that no security rests on.
	for name, odd := range map[string]string{
		"x5c with a negative serial": with(good, `"x5c":["`+negativeSerial+`"]`), "truncated x5c": with(good, `"x5c":["MIIB"]`), "x5c is a number": with(good, `"x5c":7`),
		"short x5t": with(good, `"x5t":"AQ"`), "x5t#S256 is null": with(good, `"x5t#S256":null`), "unknown member": with(good, `"issuer":{"a":1}`),
		"numeric kid": replace(good, "kid", "7"), "no kid": replace(good, "kid", "null"), "no use": replace(good, "use", "null"), "no alg": replace(good, "alg", "null"),
		"padded coordinate": replace(good, "x", `"`+base64.URLEncoding.EncodeToString(must(ecKey.PublicKey.Bytes())[1:33])+`"`),
		"key_ops":           with(good, `"key_ops":["verify"]`),
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "\xef\xbb\xbf{\"keys\":[%s]}", odd) }))
		if _, err := newVerifier(s.URL, &testTime).AccessToken(context.Background(), token, ""); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		s.Close()
	}
	if got, err := parseKeys([]byte(`{"keys":[` + strings.Replace(rsaJWK, `","e"`, `==","e"`, 1) + `]}`)); err != nil || len(got) != 1 {
		t.Errorf("padded n: got %d keys, %v", len(got), err)
	}
}

// A coordinate may be short where a provider strips leading zeros.
func TestShortCoordinate(t *testing.T) {
	for {
		k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		point := must(k.PublicKey.Bytes())
		if point[1] != 0 {
			continue
		}
		if ecPublic("P-256", point[2:33], point[33:]) == nil {
			t.Error("the key was skipped")
		}
		return
	}
}

// Which keys are tried for a token, by its key id and algorithm.
func TestKeySelection(t *testing.T) {
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for _, tt := range []struct {
		name string
		keys []jose.JSONWebKey
		kid  string
		ok   bool
	}{
		{"its id", []jose.JSONWebKey{public(&other.PublicKey, "2", ""), public(&ecKey.PublicKey, "1", "")}, "1", true},
		{"the key has no id", []jose.JSONWebKey{public(&other.PublicKey, "2", ""), public(&ecKey.PublicKey, "", "")}, "1", true},
		{"another key has the id", []jose.JSONWebKey{public(&other.PublicKey, "1", ""), public(&ecKey.PublicKey, "", "")}, "1", true},
		{"the token has no id", []jose.JSONWebKey{public(&other.PublicKey, "2", ""), public(&ecKey.PublicKey, "1", "")}, "", true},
		{"only another id", []jose.JSONWebKey{public(&ecKey.PublicKey, "2", "")}, "1", false},
		{"another algorithm", []jose.JSONWebKey{public(&ecKey.PublicKey, "1", "ES384")}, "1", false},
	} {
		p := newProvider(t, tt.keys...)
		_, err := p.verifier(&testTime).AccessToken(context.Background(), sign(t, jose.ES256, ecKey, tt.kid, "", claims(nil)), "")
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// FuzzParseKeys: no set panics, and no key comes out that must not verify.
func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[]}`))
	f.Add([]byte(`{"keys":[null,{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	for _, k := range []any{&rsaKey.PublicKey, &ecKey.PublicKey} {
		f.Add([]byte(`{"keys":[` + string(must(json.Marshal(public(k, "1", "")))) + `]}`))
	}
	unsigned := &token{alg: "RS256", input: "a.b", signature: make([]byte, 256)}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if (err == nil) != (len(keys) > 0) || len(keys) > maxKeys {
			t.Errorf("got %d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			for alg := range algorithms {
				unsigned.alg = alg
				if k.public == nil || unsigned.signedBy(k) {
					t.Errorf("a key of %T verifies zeros with %s", k.public, alg)
				}
			}
		}
	})
}
