package e2e

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// kind tells which secrets must not show where: the browser may see its
// cookies, but a log may not.
type kind int

const (
	tokens kind = iota
	everything
)

// secrets are all values that the test came to know and that must not show.
type secrets struct {
	mu     sync.Mutex
	sealer *sealer
	access map[string]bool   // access tokens
	tokens map[string]string // value → its description
	others map[string]string
}

// learn records the contents of a signed-in user's cookies.
func (k *secrets) learn(t *testing.T, s *system, p *person) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tokens == nil {
		k.access, k.tokens, k.others = map[string]bool{}, map[string]string{}, map[string]string{}
	}
	if k.sealer == nil {
		environments, err := lambdaEnvironments(s.out)
		if err != nil {
			if runtime.GOOS == "linux" {
				t.Fatal(err)
			}
			t.Log(err)
			return
		}
		for _, env := range environments {
			if key := env["ENCRYPTION_KEY"]; key != "" {
				k.tokens[key] = "the cookie key"
				if k.sealer, err = newSealer(s, key); err != nil {
					t.Fatal(err)
				}
			}
			if secret := env["CLIENT_SECRET"]; secret != "" {
				k.tokens[secret] = "the client secret"
			}
		}
		if k.sealer == nil || len(k.tokens) != 2 {
			t.Fatalf("expected the cookie key and the client secret in the Lambdas' environments, got %d values", len(k.tokens))
		}
	}
	for _, page := range p.answers {
		k.others[page.Query().Get("code")] = "an authorization code"
		k.others[page.Query().Get("state")] = "a state"
	}
	for name, value := range p.session() {
		k.others[value] = "cookie " + name
		c, err := k.sealer.open(name, value)
		if err != nil {
			t.Fatalf("%s does not open by the documented form: %v", name, err)
		}
		switch name {
		case "__Host-th-csrf":
			k.others[c.token] = "a CSRF value"
			continue
		case "__Host-th-at":
			k.access[c.token] = true
		}
		k.tokens[c.token] = "the content of " + name
		if segments := strings.Split(c.token, "."); len(segments) == 3 {
			k.tokens[segments[2]] = "the signature in " + name
		}
	}
}

// isAccessToken reports whether a session's cookie contains the token. It is
// false if no cookie can be opened.
func (k *secrets) isAccessToken(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.access[token] || k.sealer == nil
}

// check looks for every secret in a text.
func (k *secrets) check(t *testing.T, where, text string, of kind) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sealer == nil && runtime.GOOS != "linux" {
		t.Skip("the tokens of the run are not known on this system")
	}
	if len(k.tokens) == 0 || text == "" {
		t.Errorf("no secrets or no output to search in %s (%d secrets, %d bytes)", where, len(k.tokens), len(text))
	}
	look := maps.Clone(k.tokens)
	if of == everything {
		maps.Copy(look, k.others)
	}
	for value, what := range look {
		if len(value) < 8 {
			t.Errorf("%s has only %d characters", what, len(value))
		}
		if strings.Contains(text, value) {
			t.Errorf("%s shows %s", where, what)
		}
	}
}

func clone(m map[string]string) map[string]string { return maps.Clone(m) }

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// dig walks into nested JSON objects.
func dig(v any, path ...string) any {
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// skipOffLinux skips a test that needs the Lambdas' environments where no
// system shows them. Linux does, so that there it is a failure.
func skipOffLinux(t *testing.T, err error) {
	t.Helper()
	if runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	t.Skip(err)
}
