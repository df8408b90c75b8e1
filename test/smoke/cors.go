package main

import (
	"fmt"
	"slices"
	"strings"
)

// preflights asks, for every resource, what a browser asks before a request of
// another origin.
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
		r.report.check("preflight", what+" from the trusted origin", r.preflight(example, methods[path], r.origin, func(resp *response) error {
			allowed := strings.ToLower(resp.Header.Get("Access-Control-Allow-Headers"))
			switch {
			case !strings.Contains(allowed, "token-handler-version"), !strings.Contains(allowed, strings.ToLower(r.csrf)):
				return fmt.Errorf("Access-Control-Allow-Headers is %q, expected the CSRF headers among them", allowed)
			case strings.Contains(allowed, "*"), !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), methods[path]):
				return fmt.Errorf("Access-Control-Allow-Methods is %q, expected %s", resp.Header.Get("Access-Control-Allow-Methods"), methods[path])
			}
			return resp.readable(r.origin)
		}))
		for _, origin := range []string{r.untrusted, r.origin + ".untrusted.example", "null"} {
			r.report.check("preflight", what+" from "+origin, r.preflight(example, methods[path], origin, func(resp *response) error {
				for name := range resp.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						return fmt.Errorf("%s is there for an origin that is not trusted", name)
					}
				}
				return nil
			}))
		}
	}
}

func (r *run) preflight(path, method, origin string, judge func(*response) error) error {
	resp, err := r.send(request{method: "OPTIONS", path: path, origin: origin, header: []string{
		"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "content-type,token-handler-version," + r.csrf}})
	if err != nil {
		return err
	}
	if err := resp.status(200, 204); err != nil {
		return err
	}
	return judge(resp)
}

// gatewayErrors provokes what the gateway answers itself.
func (r *run) gatewayErrors() {
	longURL := "/" + strings.Repeat("x", 1700) // a method ARN over 1,600 bytes
	for _, tt := range []struct {
		what     string
		q        request
		statuses []int
		ours     bool // the form of the answer is ours to choose
	}{
		{"an unknown path", request{method: "GET", path: "/smoke-test/no-such-path"}, []int{404}, true},
		{"an unknown path of the agent", request{method: "GET", path: r.agent + "/no-such-path"}, []int{404}, true},
		{"an unknown method", request{method: "DELETE", path: r.agent + "/session"}, []int{404}, true},
		{"headers over 10,240 bytes", request{method: "GET", path: r.agent + "/session", header: []string{"X-Smoke-Test", strings.Repeat("x", 11000)}}, []int{400, 413, 431, 494}, false},
		{"a very long path", request{method: "GET", path: longURL}, []int{404, 414}, false},
	} {
		for _, origin := range []string{r.origin, r.untrusted} {
			tt.q.origin = origin
			resp, err := r.send(tt.q)
			if err == nil {
				err = resp.status(tt.statuses...)
			}
			if err == nil && origin == r.untrusted {
				err = resp.unreadable(r.origin)
			}
			if _, problem := codeOf(resp, err); problem != nil && err == nil {
				if err = problem; !tt.ours {
					err = unknown(fmt.Sprintf("status %d; the gateway answers before anything of ours: %s", resp.StatusCode, problem))
				}
			}
			if err == nil && origin == r.origin {
				if problem := resp.readable(r.origin); problem != nil {
					err = unknown("status " + fmt.Sprint(resp.StatusCode) + "; pages cannot read it (with several trusted origins that is as designed): " + problem.Error())
				}
			}
			r.report.check("errors", tt.what+" from "+origin, err)
		}
	}
}

func codeOf(resp *response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return resp.code()
}
