package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// questions answers questions that the documentation of API Gateway leaves open.
// The design depends on few of the answers. Those can fail; the others always
// pass, and the row says what was observed.
func (r *run) questions() {
	r.contextHeaders()
	r.emptyLiterals()
	r.identitySources()
	r.spellings()
	r.forwarded()
	r.encodedSlashes()
	r.preflightSpellings()
	r.ask("How does the gateway refuse headers over 10,240 bytes?", func() (string, error) {
		resp, err := r.send(r.oversized())
		if err != nil {
			return "the connection ended without a response", nil
		}
		if err := resp.unreadable(r.origins); err != nil {
			return "", err
		}
		return resp.seen(), resp.status(400, 413, 431, 494)
	})
	r.ask("How large may a result of the authorizer be, and how long may it take?", func() (string, error) {
		if r.session == "" {
			return "", unknown("not documented; the agent bounds tokens at login, the function has 5 s")
		}
		return "", unknown(fmt.Sprintf("not documented; this session, %d cookies of %d bytes together, %s", len(r.cookies()), len(r.session), r.passes()))
	})
}

// passes says whether the session passed the authorizer in an earlier check.
func (r *run) passes() string {
	for _, row := range r.report.rows {
		if row.area == "session" && row.result == "pass" && strings.HasPrefix(row.what, "GET /") {
			return "passes"
		}
	}
	return "was not observed to pass"
}

// ask adds the row of a question: the observation, or the reason why it is
// missing.
func (r *run) ask(question string, look func() (seen string, err error)) {
	seen, err := look()
	if err != nil {
		r.report.check("gateway", question, err)
		return
	}
	r.report.seen("gateway", question, seen)
}

// probe sends a request that the authorizer refuses only because of its cookie.
func (r *run) probe(origin string) (*response, error) {
	route := r.routes[0]
	return r.send(request{method: route.sendable()[0], path: route.example(), origin: origin,
		header: with(assistant, []string{"Cookie", r.cookie("at") + "=probe"})})
}

// contextHeaders is question a. afterAllow has the other half.
func (r *run) contextHeaders() {
	r.ask("Does a gateway response take a header from the authorizer's context, after a Deny?", func() (string, error) {
		var readable []string
		for _, origin := range r.origins {
			resp, err := r.probe(origin)
			if err == nil {
				err = resp.readable(origin)
			}
			if err != nil {
				return "", err
			}
			readable = append(readable, origin)
		}
		resp, err := r.probe(r.untrusted)
		if err != nil {
			return "", unknown("no answer: " + err.Error())
		}
		allowed, there := resp.Header["Access-Control-Allow-Origin"]
		r.constants = there && len(readable) == 1 && slices.Equal(allowed, readable)
		switch {
		case r.constants && r.facts.trusted > 1:
			return "", errors.New("it is a constant, but there are several trusted origins")
		case r.constants:
			return "", unknown("the CORS headers are right, but they are constants with one trusted origin")
		case there:
			return "", fmt.Errorf("Access-Control-Allow-Origin is %q, but the context has no allowed origin", strings.Join(allowed, ", "))
		}
		return "yes: each trusted origin gets itself, and the header is absent if the context has no allowed origin", nil
	})
	r.ask("Does a gateway response take a header from the authorizer's context, after an Allow?", r.afterAllowAnswer)
	r.ask("Is a header absent if the context does not have its value, after an Allow?", r.absentAfterAllow)
}

// emptyLiterals is question c.
func (r *run) emptyLiterals() {
	r.ask("How does a mapping to an empty literal work?", func() (string, error) {
		switch {
		case !r.facts.known:
			return "", unknown("the design must not depend on it; -template tells whether the template has one")
		case len(r.facts.empty) > 0:
			return "", fmt.Errorf("not documented, and the template has one: %s", strings.Join(r.facts.empty, ", "))
		}
		return "does not matter: the template has no such mapping (AWS may remove the header, send it empty or pass on the client's)", nil
	})
}

// identitySources is question d.
func (r *run) identitySources() {
	r.ask("Do identity sources count with a TTL of 0?", func() (string, error) {
		switch {
		case !r.facts.known:
			return "", unknown("the authorizer must not declare any; -template tells")
		case len(r.facts.idle) > 0:
			return "", fmt.Errorf("not documented, and they are declared: %s", strings.Join(r.facts.idle, ", "))
		case r.facts.kept:
			return "does not matter: the gateway caches results, and then they count", nil
		}
		return "does not matter: the authorizer declares no identity source", nil
	})
	r.ask("Does a request without cookies and origin reach the authorizer?", func() (string, error) {
		route := r.routes[0]
		resp, err := r.send(request{method: route.sendable()[0], path: route.example()})
		if err != nil {
			return "", err
		}
		object, err := resp.object()
		if err != nil {
			return "", err
		}
		message, _ := object["message"].(string)
		before := message == contract.MessageUnauthorized || resp.Header.Get("X-Amzn-Errortype") == "UnauthorizedException"
		seen := fmt.Sprintf("status %d, %q", resp.StatusCode, message)
		switch {
		case before && r.facts.kept:
			return "no, as documented for cached results: " + seen, nil
		case before && r.facts.known:
			return "", errors.New("no, but no identity source is declared: " + seen)
		case before:
			return "no: " + seen, nil
		case message == "":
			return "", errors.New("cannot be told: the body has no message of the token handler")
		}
		return "yes: " + seen, nil
	})
}

// preflightSpellings is question i. All resources have the same template, so one is
// enough.
func (r *run) preflightSpellings() {
	route := r.routes[0]
	method := route.sendable()[len(route.sendable())-1]
	for _, tt := range r.ways("Origin") {
		r.ask("Is a preflight treated alike with "+tt.String()+"?", func() (string, error) {
			if tt.http2 && !r.http2 {
				return "", unknown("this server speaks HTTP/1.1 only")
			}
			trusted, err := r.preflight(route.example(), method, r.origins[0], !tt.http2, tt.name)
			if err == nil {
				err = r.preflightAllows(trusted, method, r.origins[0])
			}
			if err != nil {
				return "", err
			}
			untrusted, err := r.preflight(route.example(), method, r.untrusted, !tt.http2, tt.name)
			if err == nil {
				err = untrusted.noCORS()
			}
			if err != nil {
				return "", fmt.Errorf("from %s: %w", r.untrusted, err)
			}
			return "yes", nil
		})
	}
}

// way is a spelling and a protocol for sending a header.
type way struct {
	name  string // as spelled
	http2 bool
}

func (w way) String() string {
	if w.http2 {
		return strings.ToLower(w.name) + " over HTTP/2"
	}
	return w.name + " over HTTP/1.1"
}

// ways returns the ways in which clients send a header.
func (r *run) ways(name string) []way {
	return []way{{name, false}, {strings.ToLower(name), false}, {name, true}}
}
