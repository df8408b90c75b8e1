package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// cookies returns the names and values of the session's cookies.
func (r *run) cookies() [][2]string {
	var cookies [][2]string
	for pair := range strings.SplitSeq(r.session, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			cookies = append(cookies, [2]string{name, value})
		}
	}
	return cookies
}

// cookie returns the name of a cookie that every route gets: at or csrf.
func (r *run) cookie(part string) string {
	if r.facts.known {
		return r.facts.lead + r.prefix + "-" + part
	}
	for _, lead := range []string{"__Host-", "__Secure-", ""} {
		for _, c := range r.cookies() {
			if c[0] == lead+r.prefix+"-at" {
				return lead + r.prefix + "-" + part
			}
		}
	}
	return "__Host-" + r.prefix + "-" + part
}

// withSession returns a request with the session, as the application sends it.
func (r *run) withSession(method, path, origin string, header ...string) request {
	return request{method: method, path: path, origin: origin, header: with(header, r.proof, []string{"Cookie", r.session})}
}

// signedIn runs the checks that need a session.
func (r *run) signedIn() {
	const area = "session"
	if r.session == "" {
		r.report.check(area, "the headers that reach the upstream API", unknown("needs a session: see -session and -echo"))
		return
	}
	if err := r.openSession(); err != nil {
		r.report.check(area, "GET session returns signed in", err)
		r.session = "" // later checks must not use it
		return
	}
	r.report.check(area, "GET session returns signed in", nil)
	if len(r.echoes) == 0 {
		r.report.check(area, "the headers that reach the upstream API", unknown("needs -echo"))
	}
	for _, path := range r.echoes {
		found, _ := r.serving(path)
		r.lookAt(echo{path: path, public: slices.Contains(r.public, found), method: r.facts.details[found]})
	}
	r.afterAllow()
}

// openSession checks the session and finds the CSRF header to send with it.
func (r *run) openSession() error {
	resp, err := r.send(r.withSession("GET", r.agent+"/session", r.origins[0]))
	if err != nil {
		return err
	}
	object, err := resp.object()
	if err == nil && object["is_logged_in"] != true {
		err = errors.New("the session has ended: sign in and copy it again")
	}
	if err != nil || !r.facts.classic {
		return err
	}
	r.proof = nil // with the assistant's header, the response has no CSRF value
	if resp, err = r.send(r.withSession("GET", r.agent+"/session", r.origins[0])); err != nil {
		return err
	}
	if object, err = resp.object(); err != nil {
		return err
	}
	value, _ := object["csrf"].(string)
	r.proof = []string{r.csrf, value}
	return nil
}

// echo is a route whose upstream returns the headers that it received.
type echo struct {
	path   string
	public bool
	method
}

func (r *run) lookAt(e echo) {
	const area = "session"
	// Headers that a client may try to pass on, and some that upstream APIs trust
	// a proxy to set.
	tried := forged
	if !r.facts.classic {
		tried = with(forged, []string{r.csrf, "smoke-test"}) // ignored beside the assistant's header
	}
	resp, err := r.send(r.withSession("GET", e.path, r.origins[0], tried...))
	if err == nil {
		err = errors.Join(resp.status(200), r.successful(resp, e, r.origins[0]))
	}
	r.report.check(area, "GET "+e.path+" succeeds and is readable for "+r.origins[0], err)
	if resp == nil || resp.StatusCode != 200 {
		return
	}
	for _, origin := range r.origins[1:] {
		resp, err := r.send(r.withSession("GET", e.path, origin))
		if err == nil {
			err = errors.Join(resp.status(200), r.successful(resp, e, origin))
		}
		r.report.check(area, "GET "+e.path+" succeeds and is readable for "+origin, err)
	}
	err = nil
	if len(resp.Header.Values("Set-Cookie")) > 0 {
		err = errors.New("it sets a cookie on the host of the session")
	}
	r.report.check(area, "GET "+e.path+": the upstream API sets no cookie", err)
	r.upstream(e, resp)
	if !e.public {
		r.refusals(e)
	}
}

// successful checks the CORS headers of a response of the upstream API.
func (r *run) successful(resp *response, e echo, origin string) error {
	written := len(resp.Header.Values("Access-Control-Allow-Origin")) > 0
	switch {
	case !written && r.sameOrigin():
		return nil // a same-origin page needs no CORS headers
	case !written && (e.integration == "HTTP_PROXY" || e.integration == "AWS_PROXY"):
		return unknown("no CORS headers: on a transparent route the upstream API writes them if pages of another origin must read the response")
	case e.public:
		return r.early(resp, origin)
	}
	return resp.readable(origin)
}

// refusals sends requests with the session and one fault each.
func (r *run) refusals(e echo) {
	const area = "session"
	altered := request{method: "GET", path: e.path, origin: r.origins[0], header: with(r.proof, []string{"Cookie", r.altered()})}
	for _, tt := range []struct {
		what string
		q    request
	}{
		{"from an untrusted origin", r.withSession("GET", e.path, r.untrusted)},
		{"without an origin", r.withSession("GET", e.path, "")},
		{"with an altered cookie", altered},
	} {
		resp, err := r.send(tt.q)
		r.report.check(area, "GET "+e.path+" "+tt.what+" is refused", r.refusal(resp, err, tt.q.origin))
	}
	post := slices.ContainsFunc(r.routes, func(route route) bool { return route.matches("POST", e.path) })
	method := "GET" // the gateway routes by the overridden method, so the route must have it
	if post {
		method = "POST"
	}
	for i, extra := range [][]string{{"Authorization", "Bearer smoke-test"}, {"X-HTTP-Method-Override", method}} {
		// One more cookie, so that the gateway has no cached result for it.
		cookies := fmt.Sprintf("%s; smoke-test=%d", r.session, i)
		resp, err := r.send(request{method: "GET", path: e.path, origin: r.origins[0], header: with(extra, r.proof, []string{"Cookie", cookies})})
		// Refused before the origin is read: see authorizers.
		r.report.check(area, "GET "+e.path+" with "+extra[0]+" is refused", r.refusal(resp, err, ""))
	}
	if post {
		resp, err := r.send(request{method: "POST", path: e.path, origin: r.origins[0], header: []string{"Cookie", r.session}})
		r.report.check(area, "POST "+e.path+" without a CSRF header is refused", r.refusal(resp, err, r.origins[0]))
	}
}

// altered returns the session with one letter of the access token cookie changed.
func (r *run) altered() string {
	before, at, found := strings.Cut(r.session, r.cookie("at")+"=")
	at, after, more := strings.Cut(at, ";")
	i := len(at) / 2
	if !found || at == "" {
		return r.session
	}
	letter := "A"
	if at[i] == 'A' {
		letter = "B"
	}
	altered := before + r.cookie("at") + "=" + at[:i] + letter + at[i+1:]
	if more {
		altered += ";" + after
	}
	return altered
}
