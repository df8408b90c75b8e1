package upstream

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// RFC 9449 §4.3 and §7.1: each of the checks, with a proof that is sound but for one thing.
func TestProofs(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := base64.RawURLEncoding.EncodeToString(sum)
	now := time.Unix(1_800_000_000, 0)
	hash := sha256.Sum256([]byte("token"))
	sound := map[string]any{"htm": "GET", "htu": "http://127.0.0.1:3003/orders", "iat": now.Unix(), "ath": base64.RawURLEncoding.EncodeToString(hash[:])}
	sign := func(typ string, embed bool, change map[string]any) string {
		claims := maps.Clone(sound)
		claims["jti"] = rand.Text()
		maps.Copy(claims, change)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ)))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	p := &proofs{now: func() time.Time { return now }, seen: map[string]time.Time{}}
	with := func(change map[string]any) []string { return []string{sign("dpop+jwt", true, change)} }
	again := with(map[string]any{"jti": "the-same"})
	for _, tt := range []struct {
		name              string
		proofs            []string
		token, thumbprint string
		ok                bool
	}{
		{"sound", with(nil), "token", thumbprint, true},
		{"sound, with an id", again, "token", thumbprint, true},
		{"the same again", again, "token", thumbprint, false},
		{"none", nil, "token", thumbprint, false},
		{"two", append(with(nil), with(nil)...), "token", thumbprint, false},
		{"no JWT", []string{"proof"}, "token", thumbprint, false},
		{"another typ", []string{sign("JWT", true, nil)}, "token", thumbprint, false},
		{"no key", []string{sign("dpop+jwt", false, nil)}, "token", thumbprint, false},
		{"damaged signature", []string{with(nil)[0][:300] + "AAAA"}, "token", thumbprint, false},
		{"another method", with(map[string]any{"htm": "POST"}), "token", thumbprint, false},
		{"another URL", with(map[string]any{"htu": "http://127.0.0.1:3003/other"}), "token", thumbprint, false},
		{"old", with(map[string]any{"iat": now.Add(-2 * time.Minute).Unix()}), "token", thumbprint, false},
		{"of the future", with(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}), "token", thumbprint, false},
		{"no id", with(map[string]any{"jti": ""}), "token", thumbprint, false},
		{"no hash", with(map[string]any{"ath": ""}), "token", thumbprint, false},
		{"another token", with(nil), "other", thumbprint, false},
		{"another key", with(nil), "token", "another", false},
		{"a token of no key", with(nil), "token", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://127.0.0.1:3003/orders?page=1", nil)
			r.Header["Dpop"] = tt.proofs
			if err := p.check(r, tt.token, tt.thumbprint); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
