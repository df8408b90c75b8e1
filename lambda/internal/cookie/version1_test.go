package cookie

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

var curity = NewNamesOf(Options{Prefix: "example", Curity: true})

// Made by testdata/version1.mjs, another implementation in another language.
func version1Vectors(t testing.TB) (v struct {
	Version1 []struct {
		Comment, Key, Value string
		Previous            []string
		Want                *string
	}
	Parts struct {
		Key     string
		Cookies map[string]string
		Want    string
	}
}) {
	t.Helper()
	file, err := os.ReadFile("testdata/version1.json")
	if err == nil {
		err = json.Unmarshal(file, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersion1Vectors(t *testing.T) {
	for _, v := range version1Vectors(t).Version1 {
		t.Run(v.Comment, func(t *testing.T) {
			ring := newRing(t, v.Key, v.Previous...)
			got, err := curity.OpenValue(ring, curity.AccessToken, v.Value)
			switch {
			case v.Want == nil && (!errors.Is(err, ErrNotOpened) || got != Content{}):
				t.Errorf("got %+v, %v; want no content and ErrNotOpened", got, err)
			case v.Want != nil && (err != nil || got != Content{Token: *v.Want, Unbound: true}):
				t.Errorf("got %+v, %v; want %q", got, err, *v.Want)
			}
			// No downgrade: a deployment with the sealed format does not open version 1.
			if _, err := ring.Open(n, v.Value); !errors.Is(err, ErrNotOpened) {
				t.Error("the sealed format opened version 1")
			}
		})
	}
}

// Written values open again. Only the cookies that another implementation reads
// are in version 1: the refresh token, the ID token and the logins stay sealed.
func TestVersion1Writes(t *testing.T) {
	ring := newRing(t, keyA)
	c := Content{Session: SessionID{1}, Expires: time.Unix(1900000000, 0), Token: "a.b.c"}
	for _, name := range append(curity.Session(), curity.Login(1)) {
		value := curity.Seal(ring, name, c)
		raw, err := b64.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		want, version := c, byte(version3)
		if name == "example-at" || name == "example-csrf" {
			want, version = Content{Token: c.Token, Unbound: true}, version1
		}
		got, err := curity.OpenValue(ring, name, value)
		if raw[0] != version || err != nil || got != want {
			t.Errorf("%s: got version %d with %+v, %v; want version %d with %+v", name, raw[0], got, err, version, want)
		}
	}
	if a, b := curity.Seal(ring, curity.CSRF, c), curity.Seal(ring, curity.CSRF, c); a == b {
		t.Error("two seals of one content are equal: the nonce repeats")
	}
	// G1, P12: a cookie of another kind does not open in their place.
	refresh := curity.Seal(ring, curity.RefreshToken, c)
	if _, err := curity.OpenValue(ring, curity.AccessToken, refresh); err == nil {
		t.Error("a refresh token opened as access token")
	}
	if _, err := curity.OpenValue(ring, curity.IDToken, curity.Seal(ring, curity.AccessToken, c)); err == nil {
		t.Error("an access token opened as ID token")
	}
}

// A1: the agent shows a CSRF value again only if it made the value.
func TestMadeCSRF(t *testing.T) {
	ring := newRing(t, keyA)
	value := ring.NewCSRF()
	if len(value) != 64 || value == ring.NewCSRF() || !ring.MadeCSRF(value) || !newRing(t, keyB, keyA).MadeCSRF(value) {
		t.Errorf("%q: want 64 digits, new each time, recognised after a rotation", value)
	}
	if newRing(t, keyB).MadeCSRF(value) {
		t.Error("recognised with another key")
	}
	raw, _ := hex.DecodeString(value)
	for i := range raw {
		raw[i] ^= 1
		if ring.MadeCSRF(hex.EncodeToString(raw)) {
			t.Errorf("recognised with byte %d altered", i)
		}
		raw[i] ^= 1
	}
	for _, token := range []string{"", "a.b.c", strings.Repeat("a", 64), value[:62], value + "00"} {
		if ring.MadeCSRF(token) {
			t.Errorf("%q passes as a CSRF value", token)
		}
	}
}

// FuzzVersion1 looks for values that open without having been sealed.
func FuzzVersion1(f *testing.F) {
	ring := newRing(f, keyA, keyB)
	sealed := map[string]bool{}
	for _, v := range version1Vectors(f).Version1 {
		f.Add(v.Value)
		sealed[v.Value] = true
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := ring.openVersion1(value)
		if err == nil && !sealed[value] || err != nil && got != (Content{}) {
			t.Fatalf("%q opened: %+v", value, got)
		}
	})
}
