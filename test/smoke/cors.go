package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// preflights sends preflights to every resource, as a browser does before a
// cross-origin request.
func (r *run) preflights() {
	methods := map[string]string{}
	var paths []string
	for _, route := range slices.Concat(r.routes, r.public, r.endpointRoutes()) {
		if _, seen := methods[route.path]; !seen {
			paths = append(paths, route.path)
		}
		methods[route.path] = route.sendable()[len(route.sendable())-1]
	}
	for _, path := range paths {
		what := "OPTIONS " + path
		example := route{path: path}.example()
		for _, origin := range r.origins {
			resp, err := r.preflight(example, methods[path], origin, false, "Origin")
			if err == nil {
				err = r.preflightAllows(resp, methods[path], origin)
			}
			r.report.check("preflight", what+" from "+origin, err)
		}
		for _, origin := range []string{r.untrusted, r.origins[0] + ".untrusted.example", "null"} {
			resp, err := r.preflight(example, methods[path], origin, false, "Origin")
			if err == nil {
				err = resp.noCORS()
			}
			r.report.check("preflight", what+" from "+origin, err)
		}
	}
}

// preflight sends a preflight with the given spelling of the Origin header.
func (r *run) preflight(path, method, origin string, http1 bool, spelling string) (*response, error) {
	resp, err := r.send(request{method: "OPTIONS", path: path, http1: http1, spelled: []string{spelling, origin}, header: []string{
		"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "content-type," + contract.HeaderVersion + "," + r.csrf}})
	if err == nil {
		err = resp.status(200, 204)
	}
	return resp, err
}

func (r *run) preflightAllows(resp *response, method, origin string) error {
	allowed := strings.ToLower(resp.Header.Get("Access-Control-Allow-Headers"))
	switch {
	case !strings.Contains(allowed, contract.HeaderVersion), !strings.Contains(allowed, strings.ToLower(r.csrf)):
		return fmt.Errorf("Access-Control-Allow-Headers is %q, expected the CSRF headers among them", allowed)
	case strings.Contains(allowed, "*"), !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), method):
		return fmt.Errorf("Access-Control-Allow-Methods is %q, expected %s", resp.Header.Get("Access-Control-Allow-Methods"), method)
	}
	return resp.readable(origin)
}

// gatewayErrors provokes the gateway's own errors before the authorizer runs.
// afterAllow provokes those after it.
func (r *run) gatewayErrors() {
	for _, tt := range []struct {
		what     string
		q        request
		statuses []int
	}{
		{"an unknown path", request{method: "GET", path: "/smoke-test/no-such-path"}, []int{404}},
		{"an unknown path of the agent", request{method: "GET", path: r.agent + "/no-such-path"}, []int{404}},
		{"an unknown method", request{method: "DELETE", path: r.agent + "/session"}, []int{404}},
	} {
		for _, origin := range append(slices.Clone(r.origins), r.untrusted) {
			tt.q.origin = origin
			resp, err := r.send(tt.q)
			if err == nil {
				err = resp.refused(tt.statuses...)
			}
			if err == nil {
				err = r.early(resp, origin)
			}
			r.report.check("errors", tt.what+" from "+origin, r.elsewhere(resp, err))
		}
	}
	// These errors come from before the API, so the construct cannot choose their
	// form.
	for _, tt := range []struct {
		what     string
		q        request
		statuses []int
	}{
		{"headers over 10,240 bytes", r.oversized(), []int{400, 413, 431, 494}},
		{"a very long path", request{method: "GET", path: "/" + strings.Repeat("x", 1700)}, []int{400, 403, 404, 414}}, // a method ARN over 1,600 bytes
	} {
		tt.q.origin = r.untrusted
		resp, err := r.send(tt.q)
		if err != nil {
			err = unknown("the connection ended without a response: " + err.Error())
		} else {
			err = errors.Join(r.elsewhere(resp, resp.status(tt.statuses...)), resp.unreadable(r.origins))
		}
		r.report.check("errors", tt.what+" from "+r.untrusted, err)
	}
}

func (r *run) oversized() request {
	return request{method: "GET", path: r.agent + "/session", origin: r.origins[0], header: []string{"X-Smoke-Test", strings.Repeat("x", 11000)}}
}

// early checks the CORS headers of a response without the authorizer: constants
// with one trusted origin, no CORS headers with several.
func (r *run) early(resp *response, origin string) error {
	trusted := slices.Contains(r.origins, origin)
	switch {
	case r.facts.trusted > 1:
		if allowed := resp.Header.Values("Access-Control-Allow-Origin"); len(allowed) > 0 {
			return fmt.Errorf("Access-Control-Allow-Origin is %q, expected no such header: with several trusted origins, only the authorizer knows which one asks", strings.Join(allowed, ", "))
		}
		return nil
	case !trusted:
		return resp.unreadable(r.origins)
	}
	err := resp.readable(origin)
	if err != nil && !r.facts.known && resp.noCORS() == nil {
		return unknown("pages cannot read it: by design if there are several trusted origins; -template would tell")
	}
	return err
}
