package cookie

import (
	"testing"
	"time"
)

const deployment = "https://login.example.com spa"

// session1 and session2 are of two logins.
var session1, session2 = SessionID{1}, SessionID{2}

// content is one cookie of a request.
func content(id SessionID, token string) Content {
	return Content{Session: id, Expires: time.Unix(1900000000, 0), Token: token}
}

// old seals as releases before version 3 did.
func old(t *testing.T, hexKey, name string, c Content) string {
	t.Helper()
	k, err := newKey(hexKey)
	if err != nil {
		t.Fatal(err)
	}
	plain := c.marshal()
	plain = append(plain[:headerSize:headerSize], plain[headerSize+1:]...) // without a binding
	out := append([]byte{version2}, k.id[:]...)
	nonce := make([]byte, nonceSize)
	out = append(out, nonce...)
	return b64.EncodeToString(k.aead.Seal(out, nonce, plain, Place{name: name}.additionalData2(out[:prefixSize])))
}

// A cookie opens in the deployment and the place it was sealed for, also where
// two deployments have one key.
func TestCookieOpensInItsPlaceOnly(t *testing.T) {
	ring := newRing(t, keyA)
	base := Options{Prefix: "th", Domain: "example.com", BasePath: "/oauth-agent", Deployment: deployment}
	n := NewNamesOf(base)
	for name, change := range map[string]func(*Options){
		"issuer":        func(o *Options) { o.Deployment = "https://login.example.org spa" },
		"client":        func(o *Options) { o.Deployment = "https://login.example.com spb" },
		"another split": func(o *Options) { o.Deployment = "https://login.example.com sp"; o.Prefix = "ath" },
		"domain":        func(o *Options) { o.Domain = "api.example.com" },
		"path":          func(o *Options) { o.BasePath = "/v1/oauth-agent" },
	} {
		o := base
		change(&o)
		other := NewNamesOf(o)
		opened := 0
		for _, kind := range []func(Names) string{
			func(n Names) string { return n.AccessToken }, func(n Names) string { return n.RefreshToken },
			func(n Names) string { return n.IDToken }, func(n Names) string { return n.CSRF }, func(n Names) string { return n.Anchor },
			func(n Names) string { return n.Login(1) },
		} {
			value := n.Seal(ring, kind(n), content(session1, "t"))
			if _, err := n.OpenValue(ring, kind(n), value); err != nil {
				t.Fatalf("%s does not open in its own place", kind(n))
			}
			if _, err := other.OpenValue(ring, kind(other), value); err == nil {
				opened++
			}
		}
		want := map[string]int{"domain": 2, "path": 4}[name] // those that the option does not move
		if opened != want {
			t.Errorf("another %s: %d cookies open, want %d", name, opened, want)
		}
	}
}

func TestOpenTakesTheAnchoredSession(t *testing.T) {
	ring := newRing(t, keyA)
	other := newRing(t, keyB)
	path := NewNamesOf(Options{Prefix: "th", BasePath: "/oauth-agent", Deployment: deployment})
	domain := NewNamesOf(Options{Prefix: "th", Domain: "example.com", Deployment: deployment})
	plain := NewNamesOf(Options{Prefix: "th", Deployment: deployment})
	seal := func(n Names, name string, id SessionID, token string) string {
		return n.Seal(ring, name, content(id, token))
	}
	for _, tt := range []struct {
		name      string
		n         Names
		received  Received
		elsewhere bool
		want      map[string]string // tokens by name
		session   SessionID
		ambiguous string
		mixed     bool
	}{
		{"planted refresh token alone", path,
			Received{path.RefreshToken: {seal(path, path.RefreshToken, session2, "planted")}, path.IDToken: {seal(path, path.IDToken, session2, "planted")}},
			false, map[string]string{}, SessionID{}, "", false},
		{"planted refresh token beside a session", path,
			Received{path.AccessToken: {seal(path, path.AccessToken, session1, "a")},
				path.RefreshToken: {seal(path, path.RefreshToken, session2, "planted"), seal(path, path.RefreshToken, session1, "r")}},
			false, map[string]string{path.AccessToken: "a", path.RefreshToken: "r"}, session1, "", false},
		{"planted refresh token in place of ours", path,
			Received{path.CSRF: {seal(path, path.CSRF, session1, "c")}, path.RefreshToken: {seal(path, path.RefreshToken, session2, "planted")}},
			false, map[string]string{path.CSRF: "c"}, session1, "", false},
		{"foreign refresh token beside ours", path,
			Received{path.AccessToken: {seal(path, path.AccessToken, session1, "a")},
				path.RefreshToken: {path.Seal(other, path.RefreshToken, content(session1, "foreign")), "x", seal(path, path.RefreshToken, session1, "r")}},
			false, map[string]string{path.AccessToken: "a", path.RefreshToken: "r"}, session1, "", false},
		{"two refresh tokens of one session", path,
			Received{path.AccessToken: {seal(path, path.AccessToken, session1, "a")},
				path.RefreshToken: {seal(path, path.RefreshToken, session1, "r"), seal(path, path.RefreshToken, session1, "s")}},
			false, map[string]string{path.AccessToken: "a"}, session1, path.RefreshToken, false},
		{"anchors of two sessions", plain,
			Received{plain.AccessToken: {seal(plain, plain.AccessToken, session1, "a")}, plain.RefreshToken: {seal(plain, plain.RefreshToken, session2, "r")}},
			false, map[string]string{}, SessionID{}, "", true},
		{"domain, no anchor", domain,
			Received{domain.AccessToken: {seal(domain, domain.AccessToken, session2, "planted")}},
			false, map[string]string{}, SessionID{}, "", false},
		{"domain, no anchor, on another host", domain,
			Received{domain.AccessToken: {seal(domain, domain.AccessToken, session1, "a")}},
			true, map[string]string{domain.AccessToken: "a"}, session1, "", false},
		{"domain, two sessions on another host", domain,
			Received{domain.AccessToken: {seal(domain, domain.AccessToken, session1, "a"), seal(domain, domain.AccessToken, session2, "planted")}},
			true, map[string]string{}, SessionID{}, domain.AccessToken, false},
		{"domain, two sessions and the anchor", domain,
			Received{domain.AccessToken: {seal(domain, domain.AccessToken, session2, "planted"), seal(domain, domain.AccessToken, session1, "a")},
				domain.Anchor: {seal(domain, domain.Anchor, session1, "")}},
			true, map[string]string{domain.AccessToken: "a", domain.Anchor: ""}, session1, "", false},
		{"domain, the anchor of another session", domain,
			Received{domain.AccessToken: {seal(domain, domain.AccessToken, session2, "planted")}, domain.Anchor: {seal(domain, domain.Anchor, session1, "")}},
			true, map[string]string{domain.Anchor: ""}, session1, "", false},
		{"cookies from before there was an anchor", domain,
			Received{domain.AccessToken: {old(t, keyA, domain.AccessToken, content(session1, "a"))}, domain.RefreshToken: {old(t, keyA, domain.RefreshToken, content(session1, "r"))}},
			false, map[string]string{domain.AccessToken: "a", domain.RefreshToken: "r"}, session1, "", false},
		{"old cookies of two sessions", domain,
			Received{domain.AccessToken: {old(t, keyA, domain.AccessToken, content(session1, "a"))}, domain.RefreshToken: {old(t, keyA, domain.RefreshToken, content(session2, "r"))}},
			false, map[string]string{}, SessionID{}, "", true},
		{"old cookies without their anchor", path,
			Received{path.RefreshToken: {old(t, keyA, path.RefreshToken, content(session2, "planted"))}},
			false, map[string]string{}, SessionID{}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.n.Open(ring, tt.received, tt.elsewhere, tt.n.Session()...)
			if len(got.Contents) != len(tt.want) || got.Session != tt.session || got.Ambiguous != tt.ambiguous || got.Mixed != tt.mixed {
				t.Errorf("got %+v", got)
			}
			for name, token := range tt.want {
				if c, ok := got.Contents.Get(name); !ok || c.Token != token {
					t.Errorf("%s: got %q, want %q", name, c.Token, token)
				}
			}
		})
	}
}
