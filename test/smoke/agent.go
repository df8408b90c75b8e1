package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
)

func (r *run) endpointRoutes() []route {
	var routes []route
	for _, e := range contract.Endpoints {
		routes = append(routes, route{e.Method, r.agent + "/" + e.Path})
	}
	return routes
}

// endpoints checks the agent's endpoints without a session.
func (r *run) endpoints() {
	for _, origin := range r.origins {
		resp, err := r.send(request{method: "GET", path: r.agent + "/session", origin: origin, header: assistant})
		r.report.check("agent", "GET session returns signed out, from "+origin, func() error {
			if err != nil {
				return err
			}
			object, err := resp.object()
			if err := errors.Join(err, resp.status(200), resp.readable(origin), notStored(resp)); err != nil {
				return err
			}
			if object["is_logged_in"] != false {
				return errors.New("is_logged_in is not false")
			}
			return nil
		}())
	}
	first := r.origins[0]
	for _, route := range r.endpointRoutes() {
		name := route.method + " " + strings.TrimPrefix(route.path, r.agent+"/")
		resp, err := r.send(request{method: route.method, path: route.path, origin: r.untrusted, header: assistant})
		r.report.check("agent", name+" from an untrusted origin", func() error {
			if err != nil {
				return err
			}
			if len(resp.Cookies()) > 0 {
				return errors.New("it set a cookie")
			}
			return errors.Join(resp.refused(401, 403), resp.unreadable(r.origins))
		}())
		if route.method == "POST" && !strings.HasPrefix(name, "POST login/") {
			resp, err := r.send(request{method: route.method, path: route.path, origin: first})
			r.report.check("agent", name+" without a CSRF header", func() error {
				if err != nil {
					return err
				}
				return errors.Join(resp.refused(401, 403), resp.readable(first))
			}())
		}
	}
	for _, tt := range []struct{ what, path, contentType, body string }{
		{"POST login/start with a body that is not JSON", "/login/start", "application/json", "{"},
		{"POST login/start as text/plain", "/login/start", "text/plain", "{}"},
		{"POST login/start with a reserved parameter", "/login/start", "application/json", `{"extraParams":[{"key":"redirect_uri","value":"https://untrusted.example/"}]}`},
		{"POST login/end with an unknown state", "/login/end", "application/x-www-form-urlencoded", "code=smoke-test&state=smoke-test"},
	} {
		header := []string{"Content-Type", tt.contentType} // the classic dialect
		if tt.contentType != "application/json" {
			header = with(header, assistant)
		}
		resp, err := r.send(request{method: "POST", path: r.agent + tt.path, origin: first, header: header, body: tt.body})
		if err == nil {
			if err = resp.refused(400, 401, 415); err == nil {
				err = errors.Join(resp.readable(first), notStored(resp))
			}
		}
		r.report.check("agent", tt.what, err)
	}
	r.beginLogin()
}

// beginLogin checks the authorization request and the login's cookie.
func (r *run) beginLogin() {
	resp, err := r.send(request{method: "POST", path: r.agent + "/login/start", origin: r.origins[0],
		header: with(assistant, []string{"Content-Type", "application/x-www-form-urlencoded"})})
	if err == nil {
		err = errors.Join(resp.status(200), resp.readable(r.origins[0]), notStored(resp))
	}
	r.report.check("login", "POST login/start", err)
	if err != nil {
		return
	}
	r.report.check("login", "the authorization request", func() error {
		object, err := resp.object()
		if err != nil {
			return err
		}
		text, _ := object["authorization_url"].(string)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return errors.New("authorization_url is not an https URL")
		}
		query := u.Query()
		if query.Has("client_secret") || query.Has("code_verifier") {
			return errors.New("it contains a secret")
		}
		if query.Has("request_uri") || query.Has("request") {
			return unknown("its parameters are pushed (PAR) or signed (JAR)")
		}
		switch {
		case query.Get("response_type") != "code":
			return fmt.Errorf("response_type is %q, expected code", query.Get("response_type"))
		case query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "":
			return errors.New("no PKCE with S256")
		case query.Get("state") == "":
			return errors.New("no state")
		}
		return nil
	}())
	r.report.check("login", "the login cookie", func() error {
		cookies := resp.Cookies()
		if len(cookies) == 0 {
			return errors.New("the response sets no cookie")
		}
		for _, c := range cookies {
			if err := r.cookieFault(c); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if c.MaxAge <= 0 || time.Duration(c.MaxAge)*time.Second > time.Hour {
				return fmt.Errorf("%s: Max-Age is %d, expected at most an hour", c.Name, c.MaxAge)
			}
		}
		return nil
	}())
}

// cookieFault checks the attributes that the browser-based-apps draft, section
// 6.1.3.2, requires. A Domain, a name without a prefix and a narrower path are
// options of the construct. Without the template they are unknown.
func (r *run) cookieFault(c *http.Cookie) error {
	switch {
	case !c.HttpOnly:
		return errors.New("no HttpOnly")
	case !c.Secure:
		return errors.New("no Secure")
	case c.SameSite != http.SameSiteStrictMode:
		return errors.New("no SameSite=Strict")
	case !strings.HasPrefix(c.Name, "__Host-") && strings.TrimPrefix(c.Domain, ".") != r.facts.domain && r.facts.known:
		return fmt.Errorf("its Domain is %q, expected %q as in the template", c.Domain, r.facts.domain)
	case c.Domain != "" && !r.facts.known:
		return unknown("it has a Domain, which is right only if the stage sets one")
	case strings.HasPrefix(c.Name, "__Host-") && (c.Path != "/" || c.Domain != ""):
		return errors.New("a cookie with __Host- must have the path / and no Domain")
	case strings.HasPrefix(c.Name, "__Host-"+r.prefix+"-"): // pending logins and the anchor, in every configuration
	case !strings.HasPrefix(c.Name, r.facts.lead+r.prefix+"-") && r.facts.known:
		// A refresh or ID token cookie of a narrower path.
		if c.Path == "/" || !strings.HasPrefix(c.Name, "__Secure-"+r.prefix+"-") {
			return fmt.Errorf("its name does not begin with %s%s-", r.facts.lead, r.prefix)
		}
	case !strings.HasPrefix(c.Name, "__Host-") && !r.facts.known:
		return unknown("its name does not begin with __Host-, which is right only if the stage sets another")
	}
	return nil
}

func notStored(resp *response) error {
	if !strings.Contains(resp.Header.Get("Cache-Control"), "no-store") {
		return errors.New("no Cache-Control: no-store")
	}
	return nil
}
