package main

import (
	"fmt"
	"slices"
	"strings"
)

// spellings is question b. A mapped header replaces the client's header of the
// same spelling. For other spellings the behaviour is not documented. Only
// transparent routes have both headers.
func (r *run) spellings() {
	seen := false
	for _, path := range r.echoes {
		found, _ := r.serving(path)
		if r.facts.details[found].integration != "HTTP_PROXY" {
			continue
		}
		seen = true
		for _, tt := range append(r.ways("Cookie"), way{"COOKIE", false}) {
			r.ask("GET "+path+" with "+tt.String()+": which cookie reaches upstream?", func() (string, error) {
				return r.cookieUpstream(path, tt)
			})
		}
	}
	if !seen {
		r.ask("Does a mapped header replace a client's in another letter case?", func() (string, error) {
			return "", unknown("needs a session, -template and -echo with a transparent route; mapped routes send no header of the client, and a client's Authorization is refused")
		})
	}
}

func (r *run) cookieUpstream(path string, w way) (string, error) {
	switch {
	case r.session == "":
		return "", unknown("needs a session")
	case w.http2 && !r.http2:
		return "", unknown("this server speaks HTTP/1.1 only")
	}
	resp, err := r.send(request{method: "GET", path: path, origin: r.origins[0], http1: !w.http2, header: r.proof, spelled: []string{w.name, r.session}})
	if err == nil {
		err = resp.status(200)
	}
	if err != nil {
		return "", err
	}
	received, err := echoed(resp.text)
	if err != nil {
		return "", err
	}
	if _, there := received["cookie"]; !there {
		return "no cookie header", nil
	}
	values := received["cookie"]
	if len(values) == 0 {
		return "", unknown("a cookie header; the echo returns no values")
	}
	own := slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == none })
	switch {
	case len(own) == 0:
		return fmt.Sprintf("the constant, in %s", count(len(values), "header")), nil
	case w.name != "Cookie" && w.name != "cookie":
		// Browsers do not use this spelling, so only its sender's own cookies are
		// passed on.
		return "the client's own: mappings tell letter cases apart", nil
	case len(own) < len(values):
		return "", fmt.Errorf("the client's own beside the constant, in %s", count(len(values), "header"))
	}
	return "", fmt.Errorf("the client's own")
}

// forwarded is question g.
func (r *run) forwarded() {
	if r.session == "" || len(r.echoes) == 0 {
		r.ask("Which X-Forwarded headers reach upstream, and whose values?", func() (string, error) {
			return "", unknown("needs a session and -echo")
		})
		return
	}
	for _, path := range r.echoes {
		r.ask("GET "+path+": which X-Forwarded headers reach upstream, and whose values?", func() (string, error) {
			resp, err := r.send(r.withSession("GET", path, r.origins[0], forged...))
			if err == nil {
				err = resp.status(200)
			}
			if err != nil {
				return "", err
			}
			received, err := echoed(resp.text)
			if err != nil {
				return "", err
			}
			return whose(received), nil
		})
	}
}

// whose says where the value of each X-Forwarded header comes from. It does not
// repeat addresses.
func whose(received map[string][]string) string {
	client := map[string]string{}
	for name, value := range pairs(forged) {
		client[strings.ToLower(name)] = value
	}
	var all []string
	for name, values := range received {
		if !strings.HasPrefix(name, "x-forwarded-") {
			continue
		}
		value, of := strings.Join(values, ", "), "the gateway's"
		switch mine := client[name]; {
		case len(values) == 0:
			of = "no value given"
		case mine != "" && value == mine:
			of = "the client's"
		case mine != "" && strings.HasPrefix(value, mine):
			of = "the client's, then the gateway's"
		case mine != "" && strings.Contains(value, mine):
			of = "the gateway's, with the client's after it"
		}
		all = append(all, name+" ("+of+")")
	}
	slices.Sort(all)
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
