package main

import (
	"fmt"
	"strings"
)

// authorizers asks every protected route for what only the authorizer refuses.
func (r *run) authorizers() {
	at := "__Host-" + r.prefix + "-at"
	assistant := []string{"token-handler-version", "1"}
	with := func(pairs ...string) []string { return append(append([]string{}, assistant...), pairs...) }
	for _, route := range r.routes {
		for _, method := range route.sendable() {
			what := method + " " + route.path
			q := func(origin string, header ...string) request {
				return request{method: method, path: route.example(), origin: origin, header: header}
			}
			for _, tt := range []struct {
				what string
				q    request
			}{
				{"without a cookie", q(r.origin, assistant...)},
				{"with a cookie that is none", q(r.origin, with("Cookie", at+"="+strings.Repeat("A", 120))...)},
				{"from an untrusted origin", q(r.untrusted, with("Cookie", at+"="+strings.Repeat("A", 120))...)},
				{"without an origin", q("", with("Cookie", at+"="+strings.Repeat("A", 120))...)},
			} {
				resp, err := r.send(tt.q)
				r.report.check("authorizer", what+" "+tt.what, r.refusal(resp, err, tt.q.origin))
			}
			// These two are refused before the origin is looked at, so that with
			// several trusted origins pages cannot read it.
			resp, err := r.send(q(r.origin, with("Cookie", at+"=override", "X-HTTP-Method-Override", method)...))
			r.report.check("authorizer", what+" with a method override", r.refusal(resp, err, ""))
			resp, err = r.send(q(r.origin, with("Cookie", at+"=bearer", "Authorization", "Bearer smoke-test")...))
			if r.bearer && err == nil && resp.StatusCode != 401 {
				err = unknown(fmt.Sprintf("status %d; tokens of callers go to the upstream API, which decides", resp.StatusCode))
			} else {
				err = r.refusal(resp, err, "")
			}
			r.report.check("authorizer", what+" with an Authorization header of the client's own", err)
		}
	}
	for _, route := range r.public {
		r.report.check("authorizer", route.String(), unknown("public in the template: not looked at"))
	}
}

// refusal wants a 401 that the page of the trusted origin can read, and no other.
func (r *run) refusal(resp *response, err error, origin string) error {
	if err != nil {
		return err
	}
	if err := resp.refused(401); err != nil {
		return err
	}
	if code, _ := resp.code(); code != "unauthorized_request" {
		return fmt.Errorf("code %q, expected unauthorized_request", code)
	}
	if origin != r.origin {
		return resp.unreadable(r.origin)
	}
	if err := resp.readable(r.origin); err != nil {
		// A request that the gateway refuses before the authorizer.
		if len(resp.Header.Values("Access-Control-Allow-Origin")) == 0 && resp.Header.Get("X-Amzn-Errortype") == "UnauthorizedException" {
			return unknown("refused before the authorizer; pages cannot read it (with several trusted origins that is as designed)")
		}
		return err
	}
	return nil
}
