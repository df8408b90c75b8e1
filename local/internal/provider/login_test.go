package provider

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestLoginPage(t *testing.T) {
	_, cfg, _ := start(t, nil)
	r := newRP(t, cfg.Issuer)
	begin := func(t *testing.T) (*browser, page) {
		b := newBrowser(t, cfg.Issuer)
		return b, b.get(r.oauth.AuthCodeURL("st-1", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()),
			oauth2.SetAuthURLParam("login_hint", `"><script>hint`)))
	}
	t.Run("escapes and headers", func(t *testing.T) {
		_, p := begin(t)
		if strings.Contains(p.body, "<script") || !strings.Contains(p.body, "&quot;&gt;&lt;script&gt;hint") || !strings.Contains(p.body, "Orders &lt;b&gt;&amp;") {
			t.Errorf("not escaped:\n%s", p.body)
		}
		csp := p.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "; script-src;", "form-action 'self' http://www.example.localhost:3000;", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("policy %q lacks %q", csp, want)
			}
		}
		if p.header.Get("Cache-Control") != "no-store" || p.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers: got %v", p.header)
		}
	})
	wrong := []struct{ name, login, password string }{
		{"wrong password", "zoe", "guess"},
		{"empty password", "zoe", ""},
		{"another user's password", "zoe", "other"},
		{"unknown user", "nobody", userPassword},
		{"markup", "<b>zoe", userPassword},
	}
	for _, tt := range wrong {
		t.Run(tt.name, func(t *testing.T) {
			b, p := begin(t)
			p = b.submit(p, "Sign in", url.Values{"login": {tt.login}, "password": {tt.password}})
			if p.status != http.StatusForbidden || !strings.Contains(p.body, "do not match") || strings.Contains(p.body, "<b>zoe") {
				t.Fatalf("got %d:\n%s", p.status, p.body)
			}
			p = b.submit(p, "Sign in", url.Values{"login": {"zoe"}, "password": {userPassword}})
			if !strings.Contains(p.body, "Allow access?") {
				t.Errorf("right password after it: got %d:\n%s", p.status, p.body)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		b, p := begin(t)
		if got := callback(t, b.submit(p, "Cancel", nil), cfg.Issuer).Get("error"); got != "access_denied" {
			t.Errorf("got error %q; want access_denied", got)
		}
	})
	t.Run("consent cancelled", func(t *testing.T) {
		b, p := begin(t)
		p = b.submit(p, "Sign in", url.Values{"login": {"<script>"}, "password": {"other"}})
		if !strings.Contains(p.body, "Signed in as &lt;img src=x&gt;.") {
			t.Errorf("consent page:\n%s", p.body)
		}
		q := callback(t, b.submit(p, "Cancel", nil), cfg.Issuer)
		if q.Get("error") != "access_denied" || q.Get("code") != "" {
			t.Errorf("got %v; want access_denied", q)
		}
	})

	var jar http.CookieJar // of the case that runs
	cookies := func(u *url.URL) string {
		var pairs []string
		for _, c := range jar.Cookies(u) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		return strings.Join(pairs, "; ")
	}
	refused := []struct {
		name   string
		change func(*http.Request, url.Values)
		status int
	}{
		{"another interaction, with the cookie", func(r *http.Request, _ url.Values) {
			r.Header.Set("Cookie", cookies(r.URL)) // which a browser would not send there
			r.URL.Path = "/interaction/other/login"
		}, 400},
		{"another origin", func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "http://www.example.localhost:3000") }, 403},
		{"null origin", func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "null") }, 403},
		{"same site, other origin", func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		{"no CSRF token", func(_ *http.Request, f url.Values) { f.Del("csrf") }, 403},
		{"wrong CSRF token", func(_ *http.Request, f url.Values) { f.Set("csrf", "x"+f.Get("csrf")) }, 403},
		{"no cookie", func(r *http.Request, _ url.Values) { r.URL.Host = "127.0.0.1:" + r.URL.Port(); r.Host = r.URL.Host }, 400},
		{"unknown host", func(r *http.Request, _ url.Values) { r.Host = "evil.example" }, 421},
		{"repeated field", func(_ *http.Request, f url.Values) { f.Add("login", "zoe") }, 400},
		{"too large", func(_ *http.Request, f url.Values) { f.Set("login", strings.Repeat("x", 9000)) }, 413},
		{"not a form", func(r *http.Request, _ url.Values) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"consent before login", func(r *http.Request, _ url.Values) { r.URL.Path = strings.Replace(r.URL.Path, "/login", "/consent", 1) }, 400},
		{"another interaction", func(r *http.Request, _ url.Values) { r.URL.Path = "/interaction/other/login" }, 400},
		{"wrong method", func(r *http.Request, _ url.Values) { r.Method = http.MethodPut }, 405},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			b, p := begin(t)
			jar = b.client.Jar
			fill := url.Values{"login": {"zoe"}, "password": {userPassword}}
			r := b.form(p, "Sign in", fill)
			body, _ := io.ReadAll(r.Body)
			form, err := url.ParseQuery(string(body))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(r, form)
			text := form.Encode()
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
			got := b.do(r)
			if got.status != tt.status || strings.Contains(got.body, "Allow access?") {
				t.Errorf("got %d; want %d:\n%s", got.status, tt.status, got.body)
			}
		})
	}
}
