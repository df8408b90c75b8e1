package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// signedIn looks at what reaches the upstream API, with somebody's session.
func (r *run) signedIn() {
	const area = "session"
	if r.session == "" {
		r.report.check(area, "what reaches the upstream API", unknown("needs a session: see -session and -echo"))
		return
	}
	assistant := []string{"token-handler-version", "1", "Cookie", r.session}
	resp, err := r.send(request{method: "GET", path: r.agent + "/session", origin: r.origin, header: assistant})
	if err == nil {
		var object map[string]any
		if object, err = resp.object(); err == nil && object["is_logged_in"] != true {
			err = errors.New("the session is over: sign in and copy it again")
		}
	}
	r.report.check(area, "GET session tells that somebody is signed in", err)
	if err != nil || r.echo == "" {
		r.report.check(area, "what reaches the upstream API", unknown("needs a session and -echo"))
		return
	}

	// A header of ours that a client may well try to pass on, and one of the
	// kind that upstream APIs take a proxy's word for.
	forged := []string{"X-Forwarded-User", "smoke-test", r.csrf, "smoke-test"}
	resp, err = r.send(request{method: "GET", path: r.echo, origin: r.origin, header: append(forged, assistant...)})
	if err == nil {
		err = errors.Join(resp.status(200), resp.readable(r.origin))
	}
	r.report.check(area, "GET "+r.echo+" is answered, and readable for the trusted origin", err)
	if err != nil {
		return
	}
	if setCookies := resp.Header.Values("Set-Cookie"); len(setCookies) > 0 {
		r.report.check(area, "the upstream API sets no cookie", errors.New("it set one on the host of the session"))
	}
	r.headersUpstream(resp)

	for _, tt := range []struct {
		what string
		q    request
	}{
		{"from an untrusted origin", request{method: "GET", path: r.echo, origin: r.untrusted, header: assistant}},
		{"without an origin", request{method: "GET", path: r.echo, header: assistant}},
		{"with an altered cookie", request{method: "GET", path: r.echo, origin: r.origin, header: []string{"token-handler-version", "1", "Cookie", r.altered()}}},
	} {
		resp, err := r.send(tt.q)
		r.report.check(area, "GET "+r.echo+" "+tt.what+" is refused", r.refusal(resp, err, tt.q.origin))
	}
	for i, extra := range [][]string{{"Authorization", "Bearer smoke-test"}, {"X-HTTP-Method-Override", "POST"}} {
		// One cookie more: where the gateway keeps results, this one is not kept yet.
		cookies := fmt.Sprintf("%s; smoke-test=%d", r.session, i)
		resp, err := r.send(request{method: "GET", path: r.echo, origin: r.origin,
			header: append(extra, "token-handler-version", "1", "Cookie", cookies)})
		// Refused before the origin is looked at: see authorizers.
		r.report.check(area, "GET "+r.echo+" with "+extra[0]+" besides is refused", r.refusal(resp, err, ""))
	}
	if post := (route{"POST", r.echo}); slices.Contains(r.routes, post) {
		resp, err := r.send(request{method: "POST", path: r.echo, origin: r.origin, header: []string{"Cookie", r.session}})
		r.report.check(area, "POST "+r.echo+" without a CSRF header is refused", r.refusal(resp, err, r.origin))
	}
}

// altered is the session with one letter of the access token's cookie changed.
func (r *run) altered() string {
	before, at, _ := strings.Cut(r.session, "__Host-"+r.prefix+"-at=")
	at, after, more := strings.Cut(at, ";")
	i := len(at) / 2
	if at == "" {
		return r.session
	}
	letter := "A"
	if at[i] == 'A' {
		letter = "B"
	}
	altered := before + "__Host-" + r.prefix + "-at=" + at[:i] + letter + at[i+1:]
	if more {
		altered += ";" + after
	}
	return altered
}

func (r *run) headersUpstream(resp *response) {
	const area = "upstream"
	received, err := echoed(resp.text)
	if err != nil {
		r.report.check(area, "the headers that reached it", err)
		return
	}
	for _, tt := range []struct {
		name     string
		constant bool // a transparent route overwrites it with a constant
	}{{"cookie", true}, {r.csrf, true}, {"token-handler-version", false}, {"x-forwarded-user", false}} {
		values, there := received[strings.ToLower(tt.name)]
		var err error
		switch {
		case !there, tt.constant && len(values) == 1 && values[0] == "none":
		case tt.name == "x-forwarded-user" || tt.name == "token-handler-version":
			err = unknown("it did: the route is transparent, or maps it")
		default:
			err = errors.New("it did")
		}
		r.report.check(area, tt.name+" of the client does not reach it", err)
	}
	values, there := received["authorization"]
	switch {
	case !there:
		err = errors.New("there is none")
	case len(values) == 0:
		err = unknown("the echo gives no values")
	case len(values) > 1:
		err = fmt.Errorf("there are %d", len(values))
	case !strings.HasPrefix(values[0], "Bearer"):
		err = errors.New("it is no bearer token")
	}
	if there && len(values) == 0 {
		err = nil // the name is there, and only the gateway writes it on this route
	}
	r.report.check(area, "Authorization reaches it, once", err)
	var forwarded []string
	for name := range received {
		if strings.HasPrefix(name, "x-forwarded-") {
			forwarded = append(forwarded, name)
		}
	}
	slices.Sort(forwarded)
	r.report.seen(area, "X-Forwarded headers that reach it", strings.Join(append(forwarded, "-")[:max(1, len(forwarded))], " "))
	for name, values := range received {
		if strings.Contains(strings.Join(values, ","), "__Host-"+r.prefix+"-") {
			r.report.check(area, "no session cookie reaches it in any header", fmt.Errorf("one did, in %s", name))
			return
		}
	}
	r.report.check(area, "no session cookie reaches it in any header", nil)
}

// echoed reads the headers an echo received, by name in lower case. Values may
// be missing.
func echoed(body string) (map[string][]string, error) {
	type headers struct {
		Headers json.RawMessage `json:"headers"`
	}
	var echo struct {
		headers
		Received headers `json:"received"`
	}
	if err := json.Unmarshal([]byte(body), &echo); err != nil {
		return nil, unknown("the echo route does not answer in JSON")
	}
	raw := echo.Headers
	if raw == nil {
		raw = echo.Received.Headers
	}
	received := map[string][]string{}
	var names []string
	var single map[string]string
	var multiple map[string][]string
	switch {
	case json.Unmarshal(raw, &names) == nil:
		for _, name := range names {
			received[strings.ToLower(name)] = nil
		}
	case json.Unmarshal(raw, &single) == nil:
		for name, value := range single {
			received[strings.ToLower(name)] = append(received[strings.ToLower(name)], value)
		}
	case json.Unmarshal(raw, &multiple) == nil:
		for name, values := range multiple {
			received[strings.ToLower(name)] = append(received[strings.ToLower(name)], values...)
		}
	}
	if len(received) == 0 {
		return nil, unknown("the echo route does not answer with the headers it received")
	}
	return received, nil
}
