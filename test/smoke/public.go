package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tokenhandler/aws/internal/contract"
)

// publicRoutes sends requests without a session to public routes.
func (r *run) publicRoutes() {
	for _, route := range r.public {
		if !slices.Contains(route.sendable(), "GET") {
			r.report.check("public", route.String(), unknown("not tried: it may change data"))
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

// openTo checks that the upstream API responded, with any status, and that the
// CORS headers are those of a route without an authorizer.
func (r *run) openTo(resp *response, route route, origin string) error {
	if code, err := resp.code(); err == nil && resp.Header.Get("X-Amzn-Errortype") != "" {
		if code == contract.CodeUpstreamUnavailable || code == contract.CodeUpstreamTimeout {
			return unknown("the upstream API does not respond: " + code)
		}
		return fmt.Errorf("status %d, %s: the gateway does not let it through", resp.StatusCode, code)
	}
	if len(resp.Cookies()) > 0 {
		return errors.New("it sets a cookie on the host of the session")
	}
	if r.facts.details[route].integration != "HTTP" {
		return resp.unreadable(r.origins) // the upstream API writes the CORS headers
	}
	if r.facts.clients > 1 && r.facts.trusted > 1 {
		return unknown("the upstream API responded; the CORS headers depend on which of several token handlers the route belongs to")
	}
	return r.early(resp, origin)
}
