package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// authorizers sends requests that only the authorizer refuses to every protected
// route.
func (r *run) authorizers() {
	at := r.cookie("at")
	none := with(assistant, []string{"Cookie", at + "=" + strings.Repeat("A", 120)})
	first := r.origins[0]
	for _, route := range r.routes {
		for _, method := range route.sendable() {
			what := method + " " + route.path
			q := func(origin string, header ...string) request {
				return request{method: method, path: route.example(), origin: origin, header: header}
			}
			type test struct {
				what string
				q    request
			}
			tests := []test{{"without a cookie", q(first, assistant...)}}
			for _, origin := range r.origins[1:] {
				tests = append(tests, test{"without a cookie from " + origin, q(origin, assistant...)})
			}
			for _, tt := range append(tests, []test{
				{"with a malformed cookie", q(first, none...)},
				{"from an untrusted origin", q(r.untrusted, none...)},
				{"without an origin", q("", none...)},
			}...) {
				resp, err := r.send(tt.q)
				r.report.check("authorizer", what+" "+tt.what, r.refusal(resp, err, tt.q.origin))
			}
			// The authorizer refuses these two before it reads the origin. With several
			// trusted origins, pages cannot read the response.
			resp, err := r.send(q(first, with(assistant, []string{"Cookie", at + "=override", "X-HTTP-Method-Override", method})...))
			r.report.check("authorizer", what+" with a method override", r.refusal(resp, err, ""))
			resp, err = r.send(q(first, with(assistant, []string{"Cookie", at + "=bearer", "Authorization", "Bearer smoke-test"})...))
			if r.bearer && err == nil && resp.StatusCode != 401 {
				err = unknown(fmt.Sprintf("status %d; the upstream API decides about tokens of callers", resp.StatusCode))
			} else {
				err = r.refusal(resp, err, "")
			}
			r.report.check("authorizer", what+" with an Authorization header of the client's own", err)
		}
	}
}

// refusal checks that the response is a 401 that only a page of the trusted origin
// can read.
func (r *run) refusal(resp *response, err error, origin string) error {
	if err != nil {
		return err
	}
	if err := resp.refused(401); err != nil {
		return err
	}
	if code, _ := resp.code(); code != contract.CodeUnauthorizedRequest {
		return fmt.Errorf("code %q, expected unauthorized_request", code)
	}
	if !slices.Contains(r.origins, origin) {
		return resp.unreadable(r.origins)
	}
	if err := resp.readable(origin); err != nil {
		// The gateway refused the request before it called the authorizer.
		if resp.noCORS() == nil && resp.Header.Get("X-Amzn-Errortype") == "UnauthorizedException" && r.facts.trusted != 1 {
			return unknown("refused before the authorizer; pages cannot read it (by design, with several trusted origins)")
		}
		return err
	}
	return nil
}
