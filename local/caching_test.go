package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/sealedtest"
	"github.com/tokenhandler/aws/local/internal/gateway"
	"github.com/tokenhandler/aws/local/internal/synth"
	"github.com/tokenhandler/aws/local/internal/template"
)

// cachingRun is the API of a template synthesized with AuthorizerCaching, with
// the real authorizer behind it and an upstream that counts.
type cachingRun struct {
	template *template.Template
	lambdas  *lambdas
	reached  atomic.Int64 // requests that got to the upstream
	decided  atomic.Int64 // invocations of the authorizer
	key      string
	// deployment is the deployment for which the authorizer's cookies are
	// sealed.
	deployment string
}

func startCaching(t *testing.T, dialect string) *cachingRun {
	t.Helper()
	r := &cachingRun{}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.reached.Add(1)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	}))
	t.Cleanup(upstream.Close)

	ctx, quiet := t.Context(), &console{out: io.Discard}
	p, err := prepare(ctx, quiet)
	if err != nil {
		t.Fatal(err)
	}
	routes := `[{"path":"/orders","methods":["GET","POST"],"upstream":"` + upstream.URL + `/orders"}]`
	out := filepath.Join(t.TempDir(), "cdk.out")
	if err := synth.Run(ctx, synth.Config{Root: p.home, Node: p.node, Out: out, Direct: true,
		Context: synth.ForThisMachine(stage, "routes="+routes, "authorizerCacheTtl=60s", "authorizerCacheDialect="+dialect)}); err != nil {
		t.Fatal(err)
	}
	if r.template, err = template.Load(out, "TokenHandler-"+stage, template.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.lambdas, err = startLambdas(ctx, &runner{console: quiet, project: p}, r.template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.lambdas.close)
	for _, f := range r.template.Functions() {
		r.key = f.Environment["ENCRYPTION_KEY"]
		r.deployment = f.Environment["DEPLOYMENT"]
	}
	return r
}

// invoke is the lambdas', with the authorizer's policy made as wide as the
// naive configuration has it, if wide is set.
func (r *cachingRun) invoke(wide bool) gateway.Invoker {
	return func(ctx context.Context, id string, payload []byte) (gateway.Result, error) {
		r.decided.Add(1)
		result, err := r.lambdas.invoke(ctx, id, payload)
		if !wide || err != nil {
			return result, err
		}
		var event struct{ MethodArn string }
		if err := json.Unmarshal(payload, &event); err != nil {
			return result, err
		}
		stage := strings.Join(strings.SplitN(event.MethodArn, "/", 3)[:2], "/")
		for _, method := range []string{"GET", "POST"} {
			result.Payload = bytes.ReplaceAll(result.Payload, []byte(stage+"/"+method+"/*"), []byte(stage+"/*"))
		}
		return result, nil
	}
}

const trustedOrigin = "http://www.example.localhost:3000"

// TestCachingAttack does as a page of another site, or of a sibling domain,
// can make a signed-in browser do right after the application has asked for the
// same: send the cookies, but no CSRF header. P4: with results kept by the
// cookie alone, as is common, it gets through; with ours it does not.
func TestCachingAttack(t *testing.T) {
	r := startCaching(t, "classic")
	api := r.template.API()
	ours := map[int]*template.Authorizer{}
	for i, m := range api.Methods {
		ours[i] = m.Authorizer
	}
	naive := func(sources ...string) func() {
		shared := map[string]*template.Authorizer{}
		return func() {
			for i, m := range api.Methods {
				if ours[i] != nil {
					a := *ours[i]
					a.ID, a.IdentitySources = "naive", sources
					if shared["naive"] == nil {
						shared["naive"] = &a
					}
					m.Authorizer = shared["naive"]
				}
			}
		}
	}
	restore := func() {
		for i, m := range api.Methods {
			m.Authorizer = ours[i]
		}
	}
	const cookie, origin = "method.request.header.Cookie", "method.request.header.Origin"
	for _, tt := range []struct {
		name      string
		configure func()
		wide      bool // the policy covers all methods, as the naive one's does
		first     string
		succeeds  bool // the attack
	}{
		{"naive: key of the cookie, policy for all methods, after a GET", naive(cookie), true, "GET", true},
		{"naive: key of the cookie, after a POST", naive(cookie), false, "POST", true},
		{"naive: key of cookie and origin, after a POST", naive(cookie, origin), false, "POST", true},
		{"naive: key of cookie, origin and method, after a POST", naive(cookie, origin, "context.httpMethod"), false, "POST", true},
		{"ours, after a GET", restore, false, "GET", false},
		{"ours, after a POST", restore, false, "POST", false},
		{"ours even with a policy for all methods, after a GET", restore, true, "GET", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.configure()
			defer restore()
			g, err := gateway.New(api, gateway.Options{Invoke: r.invoke(tt.wide)})
			if err != nil {
				t.Fatal(err)
			}
			cookies, csrf := r.session(t, time.Hour)
			if status := send(g, tt.first, cookies, trustedOrigin, csrf); status != 200 {
				t.Fatalf("%s of the application: got status %d, want 200", tt.first, status)
			}
			reached := r.reached.Load()
			status := send(g, "POST", cookies, trustedOrigin, "")
			succeeded := r.reached.Load() > reached
			if succeeded != tt.succeeds || !succeeded && status != 401 {
				t.Errorf("POST without CSRF header: got status %d, reached upstream %v, want %v", status, succeeded, tt.succeeds)
			}
		})
	}
}

// A cached result is used, and only for the request it was decided for.
func TestCachingInUse(t *testing.T) {
	for _, dialect := range []string{"assistant", "classic"} {
		t.Run(dialect, func(t *testing.T) { cachingInUse(t, startCaching(t, dialect), dialect == "assistant") })
	}
}

func cachingInUse(t *testing.T, r *cachingRun, assistant bool) {
	now := time.Now()
	g, err := gateway.New(r.template.API(), gateway.Options{Invoke: r.invoke(false), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	cookies, csrf := r.session(t, time.Hour)
	if assistant {
		csrf = "assistant"
	}
	check := func(what string, status, decided int, f func() int) {
		t.Helper()
		before := r.decided.Load()
		if got, n := f(), int(r.decided.Load()-before); got != status || n != decided {
			t.Errorf("%s: got status %d after %d decisions, want %d after %d", what, got, n, status, decided)
		}
	}
	for _, method := range []string{"GET", "POST"} {
		check(method, 200, 1, func() int { return send(g, method, cookies, trustedOrigin, csrf) })
		check(method+" again", 200, 0, func() int { return send(g, method, cookies, trustedOrigin, csrf) })
		// Refused by the key, or by a decision of its own.
		check(method+" from another origin", 401, 1, func() int { return send(g, method, cookies, "https://evil.example", csrf) })
		check(method+" without origin", 401, 0, func() int { return send(g, method, cookies, "", csrf) })
		check(method+" without cookies", 401, 0, func() int { return send(g, method, "", trustedOrigin, csrf) })
		check(method+" of another session", 200, 1, func() int {
			cookies, other := r.session(t, time.Hour)
			if assistant {
				other = csrf
			}
			return send(g, method, cookies, trustedOrigin, other)
		})
		if method == "POST" || assistant {
			check(method+" without CSRF header", 401, 0, func() int { return send(g, method, cookies, trustedOrigin, "") })
		}
	}
	if !assistant {
		check("POST with a wrong CSRF header", 401, 1, func() int { return send(g, "POST", cookies, trustedOrigin, "guess") })
	}
	// An entry ends no later than its token: a token that could end before is
	// not let through in the first place.
	ending, csrfOfEnding := r.session(t, 50*time.Second)
	if assistant {
		csrfOfEnding = csrf
	}
	check("a token that ends before the entry would", 401, 1, func() int { return send(g, "GET", ending, trustedOrigin, csrfOfEnding) })
	now = now.Add(61 * time.Second)
	check("GET after the entry's end", 200, 1, func() int { return send(g, "GET", cookies, trustedOrigin, csrf) })
}

// session makes the cookies of a signed-in browser and their CSRF value.
func (r *cachingRun) session(t *testing.T, left time.Duration) (cookies, csrf string) {
	t.Helper()
	sealer, err := sealedtest.New(r.key, sealedtest.Deployment{Name: r.deployment})
	if err != nil {
		t.Fatal(err)
	}
	id := slices.Repeat([]byte{byte(time.Now().UnixNano())}, 16)
	csrf = fmt.Sprint("csrf", time.Now().UnixNano())
	at := sealer.Seal("__Host-th-at", sealedtest.Content{Session: id, Expires: sealedtest.In(left), Token: "opaque"})
	return "__Host-th-at=" + at + "; __Host-th-csrf=" + sealer.Seal("__Host-th-csrf", sealedtest.Content{Session: id, Token: csrf}), csrf
}

// send sends a request to /orders and returns the status. The CSRF value
// "assistant" stands for the assistant's header.
func send(h http.Handler, method, cookies, origin, csrf string) int {
	req := httptest.NewRequest(method, "http://api.example.localhost:3001/orders", nil)
	for name, value := range map[string]string{"Cookie": cookies, "Origin": origin, "Sec-Fetch-Site": "same-site"} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	switch csrf {
	case "":
	case "assistant":
		req.Header.Set("token-handler-version", "1")
	default:
		req.Header.Set("x-th-csrf", csrf)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code
}
