package cookie

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const at = "__Host-th-at"

var th = NewNames("th")

// obey returns the browser's cookies after it has obeyed Set-Cookie.
func obey(received Received, set []*http.Cookie) Received {
	after := maps.Clone(received)
	if after == nil {
		after = Received{}
	}
	for _, c := range set {
		if c.MaxAge < 0 {
			delete(after, c.Name)
		} else {
			after[c.Name] = []string{c.Value}
		}
	}
	return after
}

// one returns the only value of a cookie, joined.
func one(received Received, name string) string {
	if values := received.values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

func sent(single map[string]string) Received {
	r := Received{}
	for name, value := range single {
		r[name] = []string{value}
	}
	return r
}

// open opens one cookie by itself.
func open(n Names, ring *Ring, r Received, name string) (Content, bool) {
	all := n.All(ring, r, name)
	if len(all) != 1 {
		return Content{}, false
	}
	return all[0], true
}

// A19: for a value of any size, no cookie is larger than browsers keep, and the
// whole value opens again.
func TestSetSealedSplits(t *testing.T) {
	ring := newRing(t, keyA)
	attributes := len(th.attributes(at, at).String())
	received := Received{}
	for _, tt := range []struct{ size, cookies int }{
		{1, 1}, {MaxSize - attributes, 1}, {MaxSize - attributes + 1, 2}, {7000, 2}, {8200, 3}, {12000, 3}, {5000, 2}, {9, 1},
	} {
		value := strings.Repeat("v", tt.size)
		set, err := th.SetSealed(at, value, received)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range set {
			if size := len(c.String()); size > MaxSize {
				t.Errorf("%d bytes: cookie %s takes %d", tt.size, c.Name, size)
			}
		}
		received = obey(received, set)
		// No part of a larger earlier value stays behind.
		if got := one(received, at); got != value || len(received) != tt.cookies {
			t.Errorf("%d bytes: %d cookies, joined to %d bytes; want %d cookies", tt.size, len(received), len(got), tt.cookies)
		}
	}
	if _, err := th.SetSealed(at, strings.Repeat("v", 13000), nil); err == nil {
		t.Errorf("13000 bytes were set in %d cookies", MaxParts)
	}
	if left := obey(sent(map[string]string{at: "2.a", at + "-1": "b", at + "-2": "c", "x": "y"}), th.UnsetAll(at, Received{at + "-1": {"b"}, at + "-2": {"c"}})); len(left) != 1 {
		t.Errorf("after UnsetAll the browser has %v", left)
	}
	content := Content{Session: SessionID{1}, Token: strings.Repeat("t", 6000)}
	set, err := th.SetSealed(at, th.Seal(ring, at, content), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := open(th, ring, obey(nil, set), at); !ok || got != content {
		t.Errorf("got %d bytes, %t", len(got.Token), ok)
	}
}

func TestPartsVector(t *testing.T) {
	v := version1Vectors(t).Parts
	got, ok := open(th, newRing(t, v.Key), sent(v.Cookies), at)
	want := Content{Old: true, Session: SessionID{3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3}, Expires: time.Unix(1900000000, 0), Token: v.Want}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("%t %s", ok, diff)
	}
}

// Parts of two values, missing, changed or reordered parts do not open.
func TestPartsBelongTogether(t *testing.T) {
	ring := newRing(t, keyA)
	parts := func(token string) map[string]string {
		single := map[string]string{}
		set, err := th.SetSealed(at, th.Seal(ring, at, Content{Session: SessionID{1}, Token: strings.Repeat(token, 8000)}), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range set {
			single[c.Name] = c.Value
		}
		return single
	}
	first, two := parts("a"), parts("b")
	if len(first) != 3 {
		t.Fatalf("got %d parts, want 3", len(first))
	}
	for name, change := range map[string]func(map[string]string){
		"a part of another value":   func(c map[string]string) { c[at+"-1"] = two[at+"-1"] },
		"the first of another":      func(c map[string]string) { c[at] = two[at] },
		"the last of another":       func(c map[string]string) { c[at+"-2"] = two[at+"-2"] },
		"exchanged":                 func(c map[string]string) { c[at+"-1"], c[at+"-2"] = c[at+"-2"], c[at+"-1"] },
		"missing":                   func(c map[string]string) { delete(c, at+"-1") },
		"empty":                     func(c map[string]string) { c[at+"-2"] = "" },
		"no first":                  func(c map[string]string) { delete(c, at) },
		"a smaller number":          func(c map[string]string) { c[at] = "2" + c[at][1:] },
		"a larger number":           func(c map[string]string) { c[at] = "4" + c[at][1:]; c[at+"-3"] = "x" },
		"one":                       func(c map[string]string) { c[at] = "1" + c[at][1:] },
		"no number":                 func(c map[string]string) { c[at] = "." + c[at][1:] },
		"a number of another kind":  func(c map[string]string) { c[at] = "٣" + c[at][1:] },
		"no marker":                 func(c map[string]string) { c[at] = c[at][2:] },
		"a line break between them": func(c map[string]string) { c[at] += "\n" },
		"something behind":          func(c map[string]string) { c[at+"-2"] += "A" },
		"all under another name": func(c map[string]string) {
			for i := range MaxParts {
				c[part(th.IDToken, i)] = c[part(at, i)]
			}
			clearOf(c, at)
		},
	} {
		c := maps.Clone(first)
		change(c)
		for _, each := range []string{at, th.IDToken} {
			if all := th.All(ring, sent(c), each); len(all) > 0 {
				t.Errorf("%s: opened as %s", name, each)
			}
		}
	}
	// Only two and three are valid numbers. So a value has one spelling, and we
	// read at most as many cookies as we set.
	for _, first := range []string{"0.a", "1.a", "4.a", "9.a", "a.a", "..a", "-.a"} {
		if got := (Received{at: {first}, at + "-1": {"b"}, at + "-2": {"c"}, at + "-3": {"d"}}).values(at); len(got) > 0 {
			t.Errorf("%q was joined to %q", first, got)
		}
	}
	// A part left over from a larger value has no effect.
	whole := map[string]string{at: th.Seal(ring, at, Content{Token: "x"}), at + "-1": first[at+"-1"]}
	if got, ok := open(th, ring, sent(whole), at); !ok || got.Token != "x" {
		t.Errorf("with a part left over: got %+v, %t", got, ok)
	}
}

func clearOf(c map[string]string, name string) {
	for i := range MaxParts {
		delete(c, part(name, i))
	}
}

// FuzzParts: only the sealed first, second and third cookie open.
func FuzzParts(f *testing.F) {
	v := version1Vectors(f).Parts
	ring := newRing(f, v.Key)
	whole := one(sent(v.Cookies), at)
	f.Add(v.Cookies[at], v.Cookies[at+"-1"], v.Cookies[at+"-2"])
	f.Add("2."+v.Cookies[at], v.Cookies[at+"-1"], "")
	f.Add("9.", "", "\xff")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		r := Received{at: {a, "planted"}, at + "-1": {"3.x", b}, at + "-2": {c, "y"}}
		found := false
		for _, joined := range r.values(at) {
			if len(joined) > MaxParts*MaxSize && a != joined {
				t.Fatalf("joined to %d bytes", len(joined))
			}
			found = found || joined == whole
		}
		if all := th.All(ring, r, at); len(all) > 0 && !found {
			t.Fatalf("%q, %q, %q opened", a, b, c)
		}
	})
}

// The sizes of the same tokens in both forms: go test -run Sizes -v.
func TestSizes(t *testing.T) {
	ring := newRing(t, keyA)
	jwt := func(payload, signature int) string {
		return b64.EncodeToString([]byte(strings.Repeat("h", 60))) + "." + b64.EncodeToString([]byte(strings.Repeat("p", payload))) + "." + b64.EncodeToString([]byte(strings.Repeat("s", signature)))
	}
	for _, tt := range []struct{ name, token string }{
		{"opaque, 43 characters", strings.Repeat("o", 43)}, {"JWT, 400 bytes of claims, ES256", jwt(400, 64)},
		{"JWT, 900 bytes of claims, RS256", jwt(900, 256)}, {"JWT, 1800 bytes of claims, RS256", jwt(1800, 256)},
	} {
		one, two := len(ring.sealVersion1(tt.token)), len(th.Seal(ring, at, Content{Session: SessionID{1}, Expires: time.Unix(1900000000, 0), Token: tt.token}))
		t.Logf("%-34s token %4d, version 1 %4d, version 3 %4d (%+d%%)", tt.name, len(tt.token), one, two, (two-one)*100/one)
		if strings.HasPrefix(tt.name, "JWT") && two >= one {
			t.Errorf("%s: version 3 takes %d bytes, version 1 %d", tt.name, two, one)
		}
	}
}

func TestNamesFollowScope(t *testing.T) {
	for _, tt := range []struct {
		options                      Options
		at, auth                     string
		atAttributes, authAttributes string
		login                        string
	}{
		{Options{Prefix: "th"}, "__Host-th-at", "__Host-th-auth", "; Path=/; ", "; Path=/; ", "__Host-th-login-1"},
		{Options{Prefix: "th", BasePath: "/oauth-agent"}, "__Host-th-at", "__Secure-th-auth", "; Path=/; ", "; Path=/oauth-agent; ", "__Host-th-login-1"},
		{Options{Prefix: "th", Domain: "example.com"}, "__Secure-th-at", "__Secure-th-auth", "; Path=/; Domain=example.com; ", "; Path=/; Domain=example.com; ", "__Host-th-login-1"},
		{Options{Prefix: "th", Domain: "example.com", BasePath: "/a/b"}, "__Secure-th-at", "__Secure-th-auth", "; Path=/; Domain=example.com; ", "; Path=/a/b; Domain=example.com; ", "__Host-th-login-1"},
		{Options{Prefix: "example", Curity: true}, "example-at", "example-auth", "; Path=/; ", "; Path=/; ", "__Host-example-login-1"},
		{Options{Prefix: "__Secure-example", Curity: true, Domain: "example.com"}, "__Secure-example-at", "__Secure-example-auth", "; Path=/; Domain=example.com; ", "; Path=/; Domain=example.com; ", "__Host-example-login-1"},
	} {
		t.Run(fmt.Sprintf("%+v", tt.options), func(t *testing.T) {
			n := NewNamesOf(tt.options)
			for _, each := range []struct{ got, want, attributes string }{
				{n.AccessToken, tt.at, tt.atAttributes}, {n.CSRF, strings.TrimSuffix(tt.at, "at") + "csrf", tt.atAttributes},
				{n.RefreshToken, tt.auth, tt.authAttributes}, {n.IDToken, strings.TrimSuffix(tt.auth, "auth") + "id", tt.authAttributes},
				{n.Login(1), tt.login, "; Path=/; "},
			} {
				set, err := n.SetSealed(each.got, strings.Repeat("v", 5000), nil)
				if err != nil {
					t.Fatal(err)
				}
				received := obey(nil, set)
				unset := n.UnsetAll(each.got, received)
				if each.got != each.want || len(set) != 2 || len(unset) != 2 {
					t.Fatalf("got name %s with %d set and %d unset, want %s with 2 each", each.got, len(set), len(unset), each.want)
				}
				for i, c := range set {
					if want := c.Name + "=" + c.Value + each.attributes + "HttpOnly; Secure; SameSite=Strict"; c.String() != want {
						t.Errorf("got %s, want %s", c, want)
					}
					// A2: for every part and every scope.
					unset[i].Value, unset[i].MaxAge, unset[i].Expires = c.Value, c.MaxAge, c.Expires
					if unset[i].String() != c.String() {
						t.Errorf("unset as %s, set as %s", unset[i], c)
					}
					// RFC 6265bis section 4.1.3: the rules of the two prefixes.
					if strings.HasPrefix(c.Name, "__Host-") && (c.Path != "/" || c.Domain != "" || !c.Secure) || strings.HasPrefix(c.Name, "__Secure-") && !c.Secure {
						t.Errorf("a browser would drop %s", c)
					}
				}
			}
		})
	}
}
