package cookie

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Rules 3 to 8 of the browser-based-apps draft: Secure, HttpOnly,
// SameSite=Strict, Path=/, no Domain, a __Host- name.
func TestSetAttributes(t *testing.T) {
	c, err := NewNames("th").Set(NewNames("th").AccessToken, "value", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.String(), "__Host-th-at=value; Path=/; HttpOnly; Secure; SameSite=Strict"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c, err = NewNames("th").Set(NewNames("th").Login(2), "value", 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.String(), "__Host-th-login-2=value; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Strict"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A2: a cookie is unset with exactly the attributes it was set with.
func TestUnsetMatchesSet(t *testing.T) {
	for _, name := range append(NewNames("th").Session(), NewNames("th").Login(1)) {
		set, err := NewNames("th").Set(name, "value", 0)
		if err != nil {
			t.Fatal(err)
		}
		unset := NewNames("th").Unset(name)
		if unset.MaxAge >= 0 || unset.Value != "" {
			t.Errorf("%s: Unset keeps the cookie: %s", name, unset)
		}
		unset.Value, unset.MaxAge, unset.Expires = set.Value, set.MaxAge, set.Expires
		if diff := cmp.Diff(set.String(), unset.String()); diff != "" {
			t.Error(diff)
		}
	}
}

// A19: a cookie that the browser would drop silently is an error. The largest
// cookie that it keeps is not.
func TestSetIsBounded(t *testing.T) {
	attributes := len((&http.Cookie{Name: "__Host-th-at", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}).String())
	if _, err := NewNames("th").Set("__Host-th-at", strings.Repeat("x", MaxSize-attributes), 0); err != nil {
		t.Errorf("exactly %d bytes: %v", MaxSize, err)
	}
	if _, err := NewNames("th").Set("__Host-th-at", strings.Repeat("x", MaxSize-attributes+1), 0); err == nil {
		t.Errorf("%d bytes were accepted", MaxSize+1)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []string
		want    Received
	}{
		{"none", nil, Received{}},
		{"empty", []string{""}, Received{}},
		{"one header", []string{"a=1; b=2"}, Received{"a": {"1"}, "b": {"2"}}},
		{"split by HTTP/2", []string{"a=1", "b=2"}, Received{"a": {"1"}, "b": {"2"}}},
		{"same value twice", []string{"a=1; a=1"}, Received{"a": {"1"}}},
		{"planted beside ours", []string{"a=1; b=2; a=3"}, Received{"a": {"1", "3"}, "b": {"2"}}},
		{"planted three times", []string{"a=1; a=3", "a=1"}, Received{"a": {"1", "3"}}},
		{"names differ in case", []string{"a=1; A=3"}, Received{"a": {"1"}, "A": {"3"}}},
		{"malformed pairs", []string{"; ;=; x; a=1;;"}, Received{"x": {""}, "a": {"1"}}},
		{"control characters", []string{"a=1\x00; b=2"}, Received{"b": {"2"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Parse(tt.headers...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
