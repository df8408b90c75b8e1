package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Every algorithm, signed by another implementation; and each signature
// refused under every other algorithm, with a bit changed, and by other keys.
func TestAlgorithms(t *testing.T) {
	p384, p521 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	edKey := &edKey // comparable
	keys := []crypto.Signer{rsaKey, ecKey, p384, p521, edKey}
	signs := map[string]crypto.Signer{
		"RS256": rsaKey, "RS384": rsaKey, "RS512": rsaKey, "PS256": rsaKey, "PS384": rsaKey, "PS512": rsaKey,
		"ES256": ecKey, "ES384": p384, "ES512": p521, "EdDSA": edKey,
	}
	for alg, private := range signs {
		var signing any = private
		if private == edKey {
			signing = *edKey
		}
		text := sign(t, jose.SignatureAlgorithm(alg), signing, "1", "", `{}`)
		parsed, err := parse(text, nil)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		for _, k := range keys {
			if got, want := parsed.signedBy(key{public: k.Public()}), k == private; got != want {
				t.Errorf("%s with a key of %T: got %t, want %t", alg, k, got, want)
			}
		}
		for other := range algorithms {
			changed := *parsed
			changed.alg = other
			if same := algorithms[other] == algorithms[alg]; changed.signedBy(key{public: private.Public()}) != same {
				t.Errorf("a signature of %s taken for %s: want %t", alg, other, same)
			}
			if k := (key{alg: other, public: private.Public()}); parsed.signedBy(k) != (algorithms[other] == algorithms[alg]) {
				t.Errorf("%s with a key for %s", alg, other)
			}
		}
		for i := range parsed.signature {
			changed := *parsed
			changed.signature = slices.Clone(parsed.signature)
			changed.signature[i] ^= 1
			if changed.signedBy(key{public: private.Public()}) {
				t.Errorf("%s: byte %d of the signature does not matter", alg, i)
			}
		}
		for _, length := range []int{0, 1, len(parsed.signature) - 1} {
			changed := *parsed
			changed.signature = parsed.signature[:length]
			if changed.signedBy(key{public: private.Public()}) {
				t.Errorf("%s: a signature of %d bytes is accepted", alg, length)
			}
		}
		// The FAPI list.
		if _, err := parse(text, FAPI); (err == nil) != slices.Contains(FAPI, alg) {
			t.Errorf("%s under FAPI 2.0: got %v", alg, err)
		}
	}
}

// RFC 9864: Ed25519 is the name of EdDSA with that curve.
func TestEd25519(t *testing.T) {
	input := encode(`{"alg":"Ed25519"}`) + "." + encode(`{"a":1}`)
	text := input + "." + b64.EncodeToString(ed25519.Sign(edKey, []byte(input)))
	for _, alg := range []string{"", "EdDSA", "Ed25519"} {
		parsed, err := parse(text, nil)
		if err != nil || !parsed.signedBy(key{alg: alg, public: edKey.Public()}) {
			t.Errorf("with a key for %q: got %v", alg, err)
		}
	}
	sum := sha512.Sum512([]byte("access"))
	if got, want := HalfHash("Ed25519", "access"), b64.EncodeToString(sum[:32]); got != want || HalfHash("EdDSA", "access") != want {
		t.Errorf("got at_hash %s, want %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	payload, signature := encode(`{}`), encode("signature")
	for name, text := range map[string]string{
		"no alg":             encode(`{}`) + "." + payload + "." + signature,
		"alg none":           encode(`{"alg":"none"}`) + "." + payload + ".",
		"alg NONE":           encode(`{"alg":"NONE"}`) + "." + payload + ".",
		"alg HS256":          encode(`{"alg":"HS256"}`) + "." + payload + "." + signature,
		"alg in lower case":  encode(`{"alg":"rs256"}`) + "." + payload + "." + signature,
		"alg is a list":      encode(`{"alg":["RS256"]}`) + "." + payload + "." + signature,
		"alg twice":          encode(`{"alg":"RS256","alg":"RS256"}`) + "." + payload + "." + signature,
		"Alg":                encode(`{"Alg":"RS256"}`) + "." + payload + "." + signature,
		"typ is a number":    encode(`{"alg":"RS256","typ":1}`) + "." + payload + "." + signature,
		"crit":               encode(`{"alg":"RS256","crit":["b64"],"b64":false}`) + "." + payload + "." + signature,
		"crit null":          encode(`{"alg":"RS256","crit":null}`) + "." + payload + "." + signature,
		"header is a list":   encode(`[]`) + "." + payload + "." + signature,
		"header is not JSON": encode(`leak`) + "." + payload + "." + signature,
		"padding":            encode(`{"alg":"RS256"}`) + "." + payload + "=." + signature,
		"line break":         encode(`{"alg":"RS256"}`) + "." + payload + "\n." + signature,
		"trailing bits":      encode(`{"alg":"RS256"}`) + ".e31." + signature,
		"standard alphabet":  encode(`{"alg":"RS256"}`) + ".+/+/." + signature,
		"four segments":      encode(`{"alg":"RS256"}`) + "." + payload + "." + signature + ".x",
		"five segments":      encode(`{"alg":"RSA-OAEP"}`) + ".a.b.c.d",
	} {
		if _, err := parse(text, nil); !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "leak") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := parse(encode(`{"alg":"RS256","kid":7,"jwk":{},"x5u":"https://leak.example"}`)+"."+payload+"."+signature, nil); err != nil {
		t.Errorf("a header with members that are not used: %v", err)
	}
}

// FuzzParse: no text panics, and no error quotes it.
func FuzzParse(f *testing.F) {
	f.Add(encode(`{"alg":"ES256","kid":"1","typ":"at+jwt"}`) + "." + encode(`{}`) + "." + encode(strings.Repeat("s", 64)))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parse(text, nil)
		if err != nil {
			return
		}
		if parsed.signedBy(key{public: &ecKey.PublicKey}) || parsed.signedBy(key{public: &rsaKey.PublicKey}) || parsed.signedBy(key{public: edKey.Public()}) {
			t.Error("a made-up signature")
		}
	})
}
