package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// questions are what the documentation of API Gateway leaves open and the
// design rests on as little as it can. What there is no right answer to is a
// pass that says what was seen; what the design does rest on can fail.
func (r *run) questions() {
	r.contextHeaders()
	r.emptyLiterals()
	r.identitySources()
	r.spellings()
	r.forwarded()
	r.encodedSlashes()
	r.preflightSpellings()
	r.ask("What is the answer to headers over 10,240 bytes?", func() (string, error) {
		resp, err := r.send(r.oversized())
		if err != nil {
			return "no answer: the connection ended", nil
		}
		if err := resp.unreadable(r.origins); err != nil {
			return "", err
		}
		return resp.seen(), resp.status(400, 413, 431, 494)
	})
	r.ask("How large may a result of the authorizer be, and how long may it take?", func() (string, error) {
		if r.session == "" {
			return "", unknown("not documented; tokens are bounded at login, the function at 5 s")
		}
		return "", unknown(fmt.Sprintf("not documented; this session, %d cookies of %d bytes together, %s", len(r.cookies()), len(r.session), r.passes()))
	})
}

// passes tells whether the session was seen to pass the authorizer.
func (r *run) passes() string {
	for _, row := range r.report.rows {
		if row.area == "session" && row.result == "pass" && strings.HasPrefix(row.what, "GET /") {
			return "passes"
		}
	}
	return "was not seen to pass"
}

// ask adds the row of a question: what was seen, or why it is not answered.
func (r *run) ask(question string, look func() (seen string, err error)) {
	seen, err := look()
	if err != nil {
		r.report.check("gateway", question, err)
		return
	}
	r.report.seen("gateway", question, seen)
}

// probe is refused by the authorizer for its cookie alone.
func (r *run) probe(origin string) (*response, error) {
	route := r.routes[0]
	return r.send(request{method: route.sendable()[0], path: route.example(), origin: origin,
		header: with(assistant, []string{"Cookie", r.cookie("at") + "=probe"})})
}

// contextHeaders: a. of the questions. afterAllow has the other half.
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
			return "", errors.New("it is a constant, though there are several trusted origins")
		case r.constants:
			return "", unknown("CORS headers are right, but with one trusted origin they are constants")
		case there:
			return "", fmt.Errorf("Access-Control-Allow-Origin is %q where the context has none", strings.Join(allowed, ", "))
		}
		return "yes: each trusted origin gets itself, and the header is absent where the context has none", nil
	})
	r.ask("Does a gateway response take a header from the authorizer's context, after an Allow?", r.afterAllowAnswer)
	r.ask("Is a header absent where the context has none, after an Allow?", r.absentAfterAllow)
}

// emptyLiterals: c.
func (r *run) emptyLiterals() {
	r.ask("What does a mapping to an empty literal do?", func() (string, error) {
		switch {
		case !r.facts.known:
			return "", unknown("nothing is to rest on it; -template tells whether there is one")
		case len(r.facts.empty) > 0:
			return "", fmt.Errorf("nobody knows, and there is one: %s", strings.Join(r.facts.empty, ", "))
		}
		return "does not matter: the template has none, since AWS may remove the header, send it empty or let the client's through", nil
	})
}

// identitySources: d.
func (r *run) identitySources() {
	r.ask("Do identity sources count with a TTL of 0?", func() (string, error) {
		switch {
		case !r.facts.known:
			return "", unknown("none is to be declared; -template tells")
		case len(r.facts.idle) > 0:
			return "", fmt.Errorf("nobody knows, and they are declared: %s", strings.Join(r.facts.idle, ", "))
		case r.facts.kept:
			return "does not matter: results are kept here, and then they count", nil
		}
		return "does not matter: none is declared", nil
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
			return "no, as documented where results are kept: " + seen, nil
		case before && r.facts.known:
			return "", errors.New("no, though no identity source is declared: " + seen)
		case before:
			return "no: " + seen, nil
		case message == "":
			return "", errors.New("nobody can tell: the body has no message of ours")
		}
		return "yes: " + seen, nil
	})
}

// preflightSpellings: i. One resource stands for all, which have one template.
func (r *run) preflightSpellings() {
	route := r.routes[0]
	method := route.sendable()[len(route.sendable())-1]
	for _, tt := range r.ways("Origin") {
		r.ask("Is a preflight answered alike with "+tt.String()+"?", func() (string, error) {
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

// way is how a header is sent.
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

// ways are those in which clients send a header.
func (r *run) ways(name string) []way {
	return []way{{name, false}, {strings.ToLower(name), false}, {name, true}}
}
