package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// encodedSlashes: h. "REST APIs decode URL-encoded request parameters before
// passing them to backend integrations" (Amazon API Gateway important notes).
func (r *run) encodedSlashes() {
	for _, greedy := range []bool{false, true} {
		what := "a path parameter"
		if greedy {
			what = "{proxy+}"
		}
		found, ok := r.withParameter(greedy)
		climb := found.with("a%2F..%2Fb")
		if greedy {
			climb = found.with("a/%2E%2E%2Fb")
		}
		r.ask("Is %2F.. in "+what+" refused?", func() (string, error) {
			if !ok {
				return "", unknown("no protected GET route has one")
			}
			return r.climbs(climb)
		})
	}
	r.ask("What becomes of %2F in a path parameter?", func() (string, error) {
		found, ok := r.withParameter(false)
		if !ok || r.session == "" {
			return "", unknown("needs a session, and a protected GET route that has one")
		}
		resp, err := r.send(r.withSession("GET", found.with("smoke%2Ftest"), r.origins[0]))
		if err != nil {
			return "", err
		}
		if err := resp.status(400, 401, 403, 404); err != nil {
			return "", fmt.Errorf("it came through: %w", err)
		}
		code, err := resp.code()
		if err != nil {
			return "", fmt.Errorf("it came through, unless the upstream API answers as the gateway does: status %d, %w", resp.StatusCode, err)
		}
		return fmt.Sprintf("it is refused: status %d, %s", resp.StatusCode, code), nil
	})
	r.ask("What becomes of %2F in {proxy+}?", func() (string, error) {
		for _, path := range r.echoes {
			if found, ok := r.serving(path); ok && strings.Contains(found.path, "+}") && r.session != "" {
				return r.slashUpstream(path)
			}
		}
		return "", unknown("needs a session and -echo with a route of that kind, whose upstream tells the path")
	})
}

// climbs asks for a path that leads elsewhere if it is decoded on its way. The
// authorizer looks at it before the cookie, and says so in the code.
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
		return "", errors.New("something behind the gateway answers it: " + err.Error())
	case code == contract.CodeUnauthorizedRequest && r.session == "":
		return "", unknown("refused, but not for its path; a session would tell")
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
		return fmt.Sprintf("it is refused: status %d, %s", resp.StatusCode, code), nil
	}
	arrived := echoedPath(resp.text)
	switch {
	case arrived == "":
		return "", unknown(fmt.Sprintf("it goes up, status %d; the echo does not tell the path", resp.StatusCode))
	case strings.Contains(strings.ToLower(arrived), "%2fsmoke-test"):
		return "it stays encoded: " + arrived, nil
	}
	return "it is decoded: " + arrived, nil
}
