package cookie

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	keyA = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50"
	keyB = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

var n = NewPlace("at", "https://login.example.com spa", "th", "n", "", "/")

func newRing(t testing.TB, current string, previous ...string) *Ring {
	t.Helper()
	ring, err := NewRing(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// The vectors were made by another implementation, in another language.
func TestVersion3Vectors(t *testing.T) {
	file, err := os.ReadFile("testdata/version3.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Comment, Key, Value string
		Previous            []string
		Place               struct{ Kind, Deployment, Prefix, Name, Domain, Path string }
		Want                *struct {
			Session, Token, Binding string
			Expires                 int64
		}
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Comment, func(t *testing.T) {
			p := NewPlace(v.Place.Kind, v.Place.Deployment, v.Place.Prefix, v.Place.Name, v.Place.Domain, v.Place.Path)
			got, err := newRing(t, v.Key, v.Previous...).Open(p, v.Value)
			if v.Want == nil {
				if !errors.Is(err, ErrNotOpened) || got != (Content{}) {
					t.Fatalf("got %+v, %v; want no content and ErrNotOpened", got, err)
				}
				return
			}
			want := Content{Token: v.Want.Token, Binding: v.Want.Binding}
			if _, err := hex.Decode(want.Session[:], []byte(v.Want.Session)); err != nil {
				t.Fatal(err)
			}
			if v.Want.Expires != 0 {
				want.Expires = time.Unix(v.Want.Expires, 0)
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// Version 2 still opens. Its vectors are those of releases before version 3.
func TestVersion2Vectors(t *testing.T) {
	file, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Comment, Key, Name, Value string
		Previous                  []string
		Want                      *struct {
			Session, Token string
			Expires        int64
		}
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Comment, func(t *testing.T) {
			got, err := newRing(t, v.Key, v.Previous...).Open(Place{name: v.Name}, v.Value)
			if v.Want == nil {
				if !errors.Is(err, ErrNotOpened) || got != (Content{}) {
					t.Fatalf("got %+v, %v; want no content and ErrNotOpened", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Content{Token: v.Want.Token, Old: true}
			if _, err := hex.Decode(want.Session[:], []byte(v.Want.Session)); err != nil {
				t.Fatal(err)
			}
			if v.Want.Expires != 0 {
				want.Expires = time.Unix(v.Want.Expires, 0)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSealOpens(t *testing.T) {
	ring := newRing(t, keyA)
	for _, token := range []string{
		"", "opaque", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "eyJ.e30=.x", "aGk.aGk.aGk", "aGl.aGk.aGk", "a\nGk.aGk.aGk", "Zoë.Å.x",
		strings.Repeat("x", 2000),
	} {
		want := Content{Session: SessionID{1, 2, 3}, Expires: time.Unix(1_900_000_000, 0), Token: token}
		got, err := ring.Open(n, ring.Seal(n, want))
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", token, diff)
		}
	}
}

func TestSealIsFreshEachTime(t *testing.T) {
	ring := newRing(t, keyA)
	first, second := ring.Seal(n, Content{Token: "x"}), ring.Seal(n, Content{Token: "x"})
	if first == second {
		t.Error("two seals of one content are equal: the nonce repeats")
	}
}

// A ring seals with its current key and opens with the previous ones.
func TestRotation(t *testing.T) {
	before, after := newRing(t, keyA), newRing(t, keyB, keyA)
	old := before.Seal(n, Content{Token: "x"})
	if _, err := after.Open(n, old); err != nil {
		t.Errorf("sealed before the rotation: %v", err)
	}
	if _, err := before.Open(n, after.Seal(n, Content{Token: "x"})); err == nil {
		t.Error("the ring sealed with a previous key")
	}
	if _, err := newRing(t, keyB).Open(n, old); err == nil {
		t.Error("opened with a key that left the ring")
	}
}

// No browser keeps a larger cookie, and API Gateway accepts no larger header.
func TestOpenIsBounded(t *testing.T) {
	ring := newRing(t, keyA)
	if _, err := ring.Open(n, ring.Seal(n, Content{Token: strings.Repeat("x", MaxParts*MaxSize)})); !errors.Is(err, ErrNotOpened) {
		t.Errorf("got %v, want ErrNotOpened", err)
	}
}

func TestNewRingRefuses(t *testing.T) {
	for _, text := range []string{"", "abc", strings.Repeat("g", 64), keyA + "00"} {
		_, err := NewRing(text)
		if err == nil {
			t.Errorf("%q was accepted", text)
		} else if len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestExpired(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		expires time.Time
		want    bool
	}{{time.Time{}, false}, {now.Add(time.Second), false}, {now, true}, {now.Add(-time.Second), true}} {
		if got := (Content{Expires: tt.expires}).Expired(now); got != tt.want {
			t.Errorf("expires %v: got %v, want %v", tt.expires, got, tt.want)
		}
	}
}

func TestPackingSavesSpace(t *testing.T) {
	jwt := b64.EncodeToString(bytes.Repeat([]byte("h"), 90)) + "." + b64.EncodeToString(bytes.Repeat([]byte("p"), 900)) + "." + b64.EncodeToString(bytes.Repeat([]byte("s"), 256))
	plain, packed := len(jwt), len(appendPacked(nil, jwt))
	if packed*4 > plain*3+40 {
		t.Errorf("a JWT of %d bytes packs to %d, want about three quarters", plain, packed)
	}
}

// FuzzOpen looks for values that open without having been sealed.
func FuzzOpen(f *testing.F) {
	ring := newRing(f, keyA, keyB)
	// The first vector: the same in every process that fuzzes.
	const owner, sealed = "__Host-th-at", "AkpSWWQBAgMEBQYHCAkKCwxICQmY6VSY-KjtzXhRc5ygC0D3Z5fB0h60MIgwgqKxwfk9rzJ4FKbzZttE-gHLIku0X3XlxslOag24V2c"
	f.Add(owner, sealed)
	f.Add("__Host-th-id", sealed)
	f.Add(owner, "")
	f.Add(owner, strings.Repeat("A", minimumSize*2))
	f.Fuzz(func(t *testing.T, name, value string) {
		got, err := ring.Open(Place{name: name}, value)
		if name == owner && value == sealed {
			if err != nil {
				t.Fatalf("the sealed value does not open: %v", err)
			}
			return
		}
		if err == nil || got != (Content{}) {
			t.Fatalf("%q opened under %q: %+v", value, name, got)
		}
	})
}

// FuzzPack proves that packing is exactly reversible for any token.
func FuzzPack(f *testing.F) {
	for _, s := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.c2ln", "aGl.aGk.aGk"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, ok := unpack(appendPacked(nil, token))
		if !ok || got != token {
			t.Fatalf("%q came back as %q, %v", token, got, ok)
		}
	})
}

// FuzzUnmarshal looks for panics on authentic but malformed plaintexts.
func FuzzUnmarshal(f *testing.F) {
	f.Add(Content{Token: "a.b.c"}.marshal())
	f.Add(append(make([]byte, headerSize), packedJWS, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, old := range []bool{false, true} {
			if c, ok := unmarshal(b, old); !ok && c != (Content{}) {
				t.Fatalf("got %+v of a plaintext that is malformed", c)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	ring := newRing(b, keyA)
	value := ring.Seal(n, Content{Token: strings.Repeat("x", 800)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(n, value); err != nil {
			b.Fatal(err)
		}
	}
}
