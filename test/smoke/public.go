package main

import (
	"errors"
	"fmt"
	"slices"
)

// publicRoutes asks routes that are open to everyone, without a session.
func (r *run) publicRoutes() {
	for _, route := range r.public {
		if !slices.Contains(route.sendable(), "GET") {
			r.report.check("public", route.String(), unknown("not tried: it may change something"))
			continue
		}
		for _, origin := range append(slices.Clone(r.origins), r.untrusted) {
			resp, err := r.send(request{method: "GET", path: route.example(), origin: origin})
			if err == nil {
				err = r.openTo(resp, route, origin)
			}
			r.report.check("public", "GET "+route.path+" without a session from "+origin, err)
		}
	}
}

// openTo wants an answer of the upstream API, whichever, and the CORS headers
// of a route on which no authorizer runs.
func (r *run) openTo(resp *response, route route, origin string) error {
	if code, err := resp.code(); err == nil && resp.Header.Get("X-Amzn-Errortype") != "" {
		if code == "upstream_unavailable" || code == "upstream_timeout" {
			return unknown("the upstream API does not answer: " + code)
		}
		return fmt.Errorf("status %d, %s: the gateway does not let it through", resp.StatusCode, code)
	}
	if len(resp.Cookies()) > 0 {
		return errors.New("it sets a cookie on the host of the session")
	}
	if r.facts.details[route].integration != "HTTP" {
		return resp.unreadable(r.origins) // the upstream API writes them
	}
	if r.facts.clients > 1 && r.facts.trusted > 1 {
		return unknown("answered; which of several token handlers it belongs to, and with it the CORS headers, is not known")
	}
	return r.early(resp, origin)
}
