package main

import (
	"fmt"
	"strings"
)

// questions are what the documentation of API Gateway leaves open and the
// design rests on as little as it can. Some of them this system answers.
func (r *run) questions() {
	const area = "gateway"
	// Does a gateway response take a header from the authorizer's context, and
	// leave it out where there is none?
	first := r.routes[0]
	method := first.sendable()[0]
	probe := func(origin string) (*response, error) {
		return r.send(request{method: method, path: first.example(), origin: origin, header: []string{
			"token-handler-version", "1", "Cookie", "__Host-" + r.prefix + "-at=probe"}})
	}
	trusted, err1 := probe(r.origin)
	untrusted, err2 := probe(r.untrusted)
	if err1 != nil || err2 != nil {
		r.report.check(area, "CORS headers of errors from the authorizer's context", unknown("no answer"))
	} else {
		_, there := untrusted.Header["Access-Control-Allow-Origin"]
		switch {
		case trusted.readable(r.origin) != nil:
			r.report.check(area, "CORS headers of errors from the authorizer's context", trusted.readable(r.origin))
		case there && untrusted.Header.Get("Access-Control-Allow-Origin") == r.origin:
			r.report.check(area, "CORS headers of errors from the authorizer's context", unknown("with one trusted origin they are constants"))
		case there:
			r.report.check(area, "CORS headers of errors from the authorizer's context",
				fmt.Errorf("Access-Control-Allow-Origin is %q where the context has none", untrusted.Header.Get("Access-Control-Allow-Origin")))
		default:
			r.report.check(area, "CORS headers of errors from the authorizer's context", nil)
		}
		r.report.seen(area, "protocol of this client; over HTTP/2 header names arrive in lower case", trusted.Proto)
	}

	// %2F in a path parameter.
	err := error(unknown("no protected route has a path parameter"))
	for _, route := range r.routes {
		if !strings.Contains(route.path, "{") {
			continue
		}
		path := parameterRE.ReplaceAllString(route.path, "a%2F..%2Fb")
		resp, problem := r.send(request{method: route.sendable()[0], path: path, origin: r.origin, header: []string{
			"token-handler-version", "1", "Cookie", "__Host-" + r.prefix + "-at=probe"}})
		if err = problem; err == nil {
			err = resp.status(400, 401, 403, 404)
		}
		break
	}
	r.report.check(area, "%2F.. in a path parameter is refused", err)

	for _, open := range []string{
		"whether a mapped Authorization or Cookie replaces a client's header in another letter case (HTTP_PROXY): the authorizer refuses the first; for the second see cookie above",
		"what a mapping to an empty literal does: none is used",
		"whether identity sources count with a TTL of 0: none is declared then",
		"how large a result of an authorizer may be, and how long it may take: tokens are bounded at login, the function at 5 s",
	} {
		what, why, _ := strings.Cut(open, ": ")
		r.report.check(area, what, unknown("cannot be seen from outside; "+why))
	}
}
