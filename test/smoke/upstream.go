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

// none is what transparent routes write over the cookies and the CSRF header.
const none = "none"

// upstream looks at the headers that reached an upstream API.
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
		err = unknown("it did: the route is transparent, or maps it")
		if e.integration == "HTTP" && !slices.Contains(e.up, contract.HeaderVersion) {
			err = errors.New("it did")
		}
	}
	r.report.check(area, e.path+": "+contract.HeaderVersion+" of the client does not reach it", err)

	if e.public {
		r.report.check(area, e.path+": no Authorization reaches it, the route being public", e.overwritten(received, "authorization"))
	} else {
		r.report.check(area, e.path+": Authorization reaches it, once", authorized(received))
	}
	r.report.check(area, e.path+": no session cookie reaches it in any header", r.leaked(received))
	if e.integration == "HTTP" {
		r.report.check(area, e.path+": no header of the client reaches it that is not mapped", unmapped(received, e.up))
	}
}

// overwritten wants that a header is absent, or a constant in place of the
// client's.
func (e echo) overwritten(received map[string][]string, name string) error {
	values, there := received[name]
	switch {
	case !there:
		return nil
	case len(values) == 0 && e.integration == "HTTP_PROXY":
		return unknown("something did, on a transparent route a constant; the echo gives no values")
	case len(values) == 0:
		return errors.New("it did")
	}
	for _, value := range values {
		if value != none {
			return errors.New("it did")
		}
	}
	return nil
}

func authorized(received map[string][]string) error {
	values, there := received["authorization"]
	switch {
	case !there:
		return errors.New("there is none")
	case len(values) > 1:
		return fmt.Errorf("there are %d", len(values))
	case len(values) == 1 && !strings.HasPrefix(values[0], "Bearer ") && !strings.HasPrefix(values[0], "DPoP "):
		return errors.New("it is no access token")
	}
	return nil // the name is enough: only the gateway writes it, the client sent none
}

// leaked looks for the session's cookies everywhere. Short values say nothing.
func (r *run) leaked(received map[string][]string) error {
	for name, values := range received {
		all := strings.Join(values, ",")
		for _, c := range r.cookies() {
			if strings.Contains(all, c[0]+"=") || len(c[1]) >= 16 && strings.Contains(all, c[1]) {
				return fmt.Errorf("one did, in %s", name)
			}
		}
	}
	return nil
}

// unmapped looks for headers that only the client can have sent. What else the
// gateway adds is its own.
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
			return fmt.Errorf("%s did", name)
		}
	}
	return nil
}

// echoed reads the headers an echo received, by name in lower case. Values may
// be missing.
func echoed(body string) (map[string][]string, error) {
	var answer struct {
		Headers  json.RawMessage
		Received struct{ Headers json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, unknown("the echo route does not answer in JSON")
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
		return nil, unknown("the echo route does not answer with the headers it received")
	}
	return received, nil
}

// echoedPath is the path that reached an echo, or empty.
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
