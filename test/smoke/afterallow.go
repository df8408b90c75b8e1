package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// afterAllow provokes the gateway's own errors for requests that the authorizer
// has allowed.
func (r *run) afterAllow() {
	for _, provoked := range r.provocations() {
		for _, origin := range r.origins {
			q := provoked.q
			q.origin = origin
			resp, err := r.send(q)
			if err == nil {
				err = r.refusedByGateway(resp, origin, provoked.statuses)
			}
			var not unknown
			if !errors.As(err, &not) {
				r.allowed = append(r.allowed, err)
			}
			r.report.check("errors", provoked.what+", with a session, from "+origin, err)
		}
	}
}

type provocation struct {
	what     string
	q        request
	statuses []int
}

// provocations returns requests that the gateway refuses after the authorizer,
// one for each reason that the template contains. They would change nothing
// upstream if they got through: one has a body that is not JSON, the others are GETs.
func (r *run) provocations() []provocation {
	var all []provocation
	body, parameter := false, false
	for _, route := range r.routes {
		details := r.facts.details[route]
		method := route.sendable()[0]
		if details.body && !body && len(details.required) == 0 {
			body = true
			q := r.withSession(method, route.example(), "", "Content-Type", "application/json")
			q.body = "{"
			all = append(all, provocation{method + " " + route.path + " with a body that is not JSON", q, []int{400}})
		}
		if len(details.required) > 0 && !parameter && method == "GET" {
			parameter = true
			all = append(all, provocation{"GET " + route.path + " without " + details.required[0],
				r.withSession("GET", route.example(), ""), []int{400}})
		}
	}
	if r.unreachable != "" {
		all = append(all, provocation{"GET " + r.unreachable + ", whose upstream cannot be reached",
			r.withSession("GET", r.unreachable, ""), []int{500, 502, 503, 504}})
	}
	return all
}

// refusedByGateway checks that the response is an error of the gateway that the
// page can read.
func (r *run) refusedByGateway(resp *response, origin string, statuses []int) error {
	code, err := resp.code()
	if err == nil && (code == contract.CodeInsufficientScope || code == contract.CodeAccessDenied) {
		return unknown("the authorizer refused it before: " + code)
	}
	if err := errors.Join(resp.status(statuses...), err); err != nil {
		return err
	}
	if resp.Header.Get("X-Amzn-Errortype") == "" {
		return errors.New("the response is not from the gateway: no x-amzn-ErrorType")
	}
	return resp.readable(origin)
}

func (r *run) afterAllowAnswer() (string, error) {
	switch {
	case r.session == "":
		return "", unknown("needs a session")
	case len(r.allowed) == 0:
		return "", unknown("needs -unreachable, or a template with a route that requires a body or a query parameter")
	}
	if err := errors.Join(r.allowed...); err != nil {
		return "", err
	}
	if r.constants {
		return "", unknown(fmt.Sprintf("the CORS headers are right in %s, but they are constants with one trusted origin", count(len(r.allowed), "error")))
	}
	return fmt.Sprintf("yes: each trusted origin gets itself, in %s", count(len(r.allowed), "error")), nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// absentAfterAllow sends a request of a page on the API's own origin. Browsers
// send no Origin with it, so the context has no allowed origin.
func (r *run) absentAfterAllow() (string, error) {
	i := slices.IndexFunc(r.echoes, func(path string) bool {
		found, _ := r.serving(path)
		return r.facts.details[found].integration == "HTTP" && !slices.Contains(r.public, found)
	})
	switch {
	case r.session == "" || i < 0:
		return "", unknown("needs a session, -template and -echo with a mapped route")
	case r.facts.kept:
		return "", unknown("the gateway caches results: a request without Origin is refused")
	}
	resp, err := r.send(r.withSession("GET", r.echoes[i], "", "Sec-Fetch-Site", "same-origin"))
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode == 401:
		return "", unknown("requests of pages on the API's own host are not trusted")
	case resp.StatusCode != 200:
		return "", resp.status(200)
	}
	switch allowed := resp.Header.Values("Access-Control-Allow-Origin"); {
	case len(allowed) == 0:
		return "yes: a page on the API's own origin, which sends no Origin, gets a response without it", nil
	case strings.Join(allowed, "") == "":
		return "no: it is empty, which browsers treat as no origin", nil
	default:
		return "", fmt.Errorf("no: Access-Control-Allow-Origin is %q", strings.Join(allowed, ", "))
	}
}
