package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// forged are headers that upstream APIs take a proxy's word for.
// 192.0.2.0/24 is for documentation (RFC 5737).
var forged = []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Host", "forged.example", "X-Forwarded-User", "forged"}

// none is the constant that transparent routes write over the cookies and the CSRF
// header.
const none = "none"

// upstream checks the headers that reached an upstream API.
func (r *run) upstream(e echo, resp *response) {
	const area = "upstream"
	received, err := echoed(resp.text)
	if err != nil {
		r.report.check(area, e.path+": the headers that reached it", err)
		return
	}
	for _, name := range []string{"cookie", strings.ToLower(r.csrf)} {
		r.report.check(area, e.path+": "+name+" of the client does not reach it", e.overwritten(received, name))
	}
	_, there := received[contract.HeaderVersion]
	err = nil
	if there {
		err = unknown("it does: the route is transparent, or maps it")
		if e.integration == "HTTP" && !slices.Contains(e.up, contract.HeaderVersion) {
			err = errors.New("it does")
		}
	}
	r.report.check(area, e.path+": "+contract.HeaderVersion+" of the client does not reach it", err)

	if e.public {
		r.report.check(area, e.path+": no Authorization reaches it on a public route", e.overwritten(received, "authorization"))
	} else {
		r.report.check(area, e.path+": Authorization reaches it, once", authorized(received))
	}
	r.report.check(area, e.path+": no session cookie reaches it in any header", r.leaked(received))
	if e.integration == "HTTP" {
		r.report.check(area, e.path+": no header of the client reaches it that is not mapped", unmapped(received, e.up))
	}
}

// overwritten checks that a header is absent or has the constant instead of the
// client's value.
func (e echo) overwritten(received map[string][]string, name string) error {
	values, there := received[name]
	switch {
	case !there:
		return nil
	case len(values) == 0 && e.integration == "HTTP_PROXY":
		return unknown("a value does, on a transparent route a constant; the echo returns no values")
	case len(values) == 0:
		return errors.New("it does")
	}
	for _, value := range values {
		if value != none {
			return errors.New("it does")
		}
	}
	return nil
}

func authorized(received map[string][]string) error {
	values, there := received["authorization"]
	switch {
	case !there:
		return errors.New("it is missing")
	case len(values) > 1:
		return fmt.Errorf("it has %d values", len(values))
	case len(values) == 1 && !strings.HasPrefix(values[0], "Bearer ") && !strings.HasPrefix(values[0], "DPoP "):
		return errors.New("it is not an access token")
	}
	return nil // the name is enough: the client sent no such header, so the gateway wrote it
}

// leaked looks for the session's cookies in every header. Short values are no
// proof and are skipped.
func (r *run) leaked(received map[string][]string) error {
	for name, values := range received {
		all := strings.Join(values, ",")
		for _, c := range r.cookies() {
			if strings.Contains(all, c[0]+"=") || len(c[1]) >= 16 && strings.Contains(all, c[1]) {
				return fmt.Errorf("one does, in %s", name)
			}
		}
	}
	return nil
}

// unmapped looks for headers that only the client can have sent. The gateway adds
// others of its own.
func unmapped(received map[string][]string, mapped []string) error {
	sent := []string{"origin", "sec-fetch-site", contract.HeaderVersion, "cookie"}
	for i := 0; i < len(forged); i += 2 {
		// X-Forwarded-For and its like the gateway may write itself.
		name := strings.ToLower(forged[i])
		if name == "x-forwarded-user" || slices.Contains(received[name], forged[i+1]) {
			sent = append(sent, name)
		}
	}
	for _, name := range sent {
		if _, there := received[name]; there && !slices.Contains(mapped, name) {
			return fmt.Errorf("%s does", name)
		}
	}
	return nil
}

// echoed returns the headers that an echo received, by lower-case name. Values may
// be missing.
func echoed(body string) (map[string][]string, error) {
	var answer struct {
		Headers  json.RawMessage
		Received struct{ Headers json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, unknown("the echo route does not return JSON")
	}
	raw := answer.Headers
	if raw == nil {
		raw = answer.Received.Headers
	}
	received := map[string][]string{}
	var names []string
	var values map[string]any
	switch {
	case json.Unmarshal(raw, &names) == nil:
		for _, name := range names {
			received[strings.ToLower(name)] = nil
		}
	case json.Unmarshal(raw, &values) == nil:
		for name, value := range values {
			name = strings.ToLower(name)
			switch value := value.(type) {
			case string:
				received[name] = append(received[name], value)
			case []any:
				for _, each := range value {
					received[name] = append(received[name], fmt.Sprint(each))
				}
			}
		}
	}
	if len(received) == 0 {
		return nil, unknown("the echo route does not return the headers it received")
	}
	return received, nil
}

// echoedPath returns the path that reached an echo, or an empty string.
func echoedPath(body string) string {
	type path struct{ Path, URL string }
	var answer struct {
		path
		Received path
	}
	if json.Unmarshal([]byte(body), &answer) != nil {
		return ""
	}
	for _, text := range []string{answer.Path, answer.URL, answer.Received.Path, answer.Received.URL} {
		if text != "" {
			return text
		}
	}
	return ""
}
