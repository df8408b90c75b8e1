package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// encodedSlashes is question h. "REST APIs decode URL-encoded request parameters before
// passing them to backend integrations" (Amazon API Gateway important notes).
func (r *run) encodedSlashes() {
	for _, greedy := range []bool{false, true} {
		where := "a path parameter"
		if greedy {
			where = "{proxy+}"
		}
		found, ok := r.withParameter(greedy)
		climb := found.with("a%2F..%2Fb")
		if greedy {
			climb = found.with("a/%2E%2E%2Fb")
		}
		r.ask("Is %2F.. in "+where+" refused?", func() (string, error) {
			if !ok {
				return "", unknown("there is no protected GET route with one")
			}
			return r.climbs(climb)
		})
	}
	r.ask("Does %2F in a path parameter reach upstream?", func() (string, error) {
		found, ok := r.withParameter(false)
		if !ok || r.session == "" {
			return "", unknown("needs a session and a protected GET route with one")
		}
		resp, err := r.send(r.withSession("GET", found.with("smoke%2Ftest"), r.origins[0]))
		if err != nil {
			return "", err
		}
		if err := resp.status(400, 401, 403, 404); err != nil {
			return "", fmt.Errorf("it got through: %w", err)
		}
		code, err := resp.code()
		if err != nil {
			return "", fmt.Errorf("it got through, unless the upstream API has errors like the gateway's: status %d, %w", resp.StatusCode, err)
		}
		return fmt.Sprintf("no: refused with status %d, %s", resp.StatusCode, code), nil
	})
	r.ask("How does %2F in {proxy+} reach upstream?", func() (string, error) {
		for _, path := range r.echoes {
			if found, ok := r.serving(path); ok && strings.Contains(found.path, "+}") && r.session != "" {
				return r.slashUpstream(path)
			}
		}
		return "", unknown("needs a session and -echo with such a route, whose upstream returns the path")
	})
}

// climbs sends a path that leads elsewhere if it is decoded on its way. The
// authorizer checks the path before the cookie and refuses with another code.
func (r *run) climbs(path string) (string, error) {
	q := request{method: "GET", path: path, origin: r.origins[0], header: with(assistant, []string{"Cookie", r.cookie("at") + "=probe"})}
	if r.session != "" {
		q = r.withSession("GET", path, r.origins[0])
	}
	resp, err := r.send(q)
	if err != nil {
		return "", err
	}
	code, err := resp.code()
	switch {
	case resp.StatusCode < 400:
		return "", fmt.Errorf("status %d", resp.StatusCode)
	case err != nil:
		return "", errors.New("the response is from behind the gateway: " + err.Error())
	case code == contract.CodeUnauthorizedRequest && r.session == "":
		return "", unknown("refused, but not because of its path; a session would tell")
	case code == contract.CodeInvalidRequest || code == contract.CodeNotFound:
		return fmt.Sprintf("yes: status %d, %s", resp.StatusCode, code), nil
	}
	return "", fmt.Errorf("status %d, code %s: expected invalid_request or not_found", resp.StatusCode, code)
}

func (r *run) slashUpstream(path string) (string, error) {
	resp, err := r.send(r.withSession("GET", path+"%2Fsmoke-test", r.origins[0]))
	if err != nil {
		return "", err
	}
	if code, err := resp.code(); err == nil {
		return fmt.Sprintf("no: refused with status %d, %s", resp.StatusCode, code), nil
	}
	arrived := echoedPath(resp.text)
	switch {
	case arrived == "":
		return "", unknown(fmt.Sprintf("it reaches upstream, status %d; the echo does not return the path", resp.StatusCode))
	case strings.Contains(strings.ToLower(arrived), "%2fsmoke-test"):
		return "encoded: " + arrived, nil
	}
	return "decoded: " + arrived, nil
}
