package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// endSession refreshes the session and signs out, to check the cookies that are
// set and removed.
func (r *run) endSession() {
	const area = "end"
	switch {
	case r.session == "":
		return
	case !r.end:
		r.report.check(area, "the cookies that a session sets and removes", unknown("needs -end, which ends the session"))
		return
	}
	set := map[string]*http.Cookie{}
	if !slices.ContainsFunc(r.cookies(), func(c [2]string) bool { return strings.HasSuffix(c[0], r.prefix+"-auth") }) {
		// Without it the agent would end the session at once.
		r.report.check(area, "POST refresh", unknown("the session has no refresh token: copy the Cookie header of a call to the agent, not to another route"))
	} else {
		resp, err := r.send(r.withSession("POST", r.agent+"/refresh", r.origins[0]))
		if err == nil {
			err = errors.Join(resp.status(200, 204), resp.readable(r.origins[0]), notStored(resp))
		}
		r.report.check(area, "POST refresh", err)
		if err == nil {
			for _, c := range resp.Cookies() {
				if c.MaxAge >= 0 {
					set[c.Name] = c
				}
			}
			r.report.check(area, "the cookies that a refresh sets", r.sessionCookies(set))
		}
		r.adopt(set)
	}
	resp, err := r.send(r.withSession("POST", r.agent+"/logout", r.origins[0]))
	if err == nil {
		err = errors.Join(resp.status(200, 204), resp.readable(r.origins[0]), notStored(resp))
	}
	r.report.check(area, "POST logout", err)
	if err == nil {
		r.report.check(area, "the cookies that a logout removes", r.removed(resp.Cookies(), set))
	}
}

// sessionCookies checks the attributes of a session's cookies.
func (r *run) sessionCookies(set map[string]*http.Cookie) error {
	if set[r.cookie("at")] == nil {
		return fmt.Errorf("%s was not set", r.cookie("at"))
	}
	for _, c := range set {
		if err := r.cookieFault(c); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			return fmt.Errorf("%s outlives the browser: it must have neither Max-Age nor Expires", c.Name)
		}
	}
	return nil
}

// adopt adds new cookies to the session.
func (r *run) adopt(set map[string]*http.Cookie) {
	var all []string
	for _, c := range r.cookies() {
		if set[c[0]] == nil {
			all = append(all, c[0]+"="+c[1])
		}
	}
	for _, c := range set {
		all = append(all, c.Name+"="+c.Value)
	}
	r.session = strings.Join(all, "; ")
}

// removed checks that every cookie of the session is removed with the attributes
// it was set with. The browser keeps it otherwise (RFC 6265 section 5.3). The agent
// also removes cookies of that name that earlier configurations left elsewhere.
func (r *run) removed(cookies []*http.Cookie, set map[string]*http.Cookie) error {
	gone, elsewhere := map[string]bool{}, map[string]bool{}
	for _, c := range cookies {
		if c.MaxAge >= 0 {
			return fmt.Errorf("%s is set", c.Name)
		}
		was := set[c.Name]
		if was != nil && (c.Path != was.Path || c.Domain != was.Domain || c.Secure != was.Secure || c.HttpOnly != was.HttpOnly || c.SameSite != was.SameSite) {
			elsewhere[c.Name] = true
			continue
		}
		if err := r.cookieFault(c); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		gone[c.Name] = true
	}
	for name := range elsewhere {
		if !gone[name] {
			return fmt.Errorf("%s has other attributes than it was set with", name)
		}
	}
	for _, c := range r.cookies() {
		bare := strings.TrimPrefix(strings.TrimPrefix(c[0], "__Host-"), "__Secure-")
		if strings.HasPrefix(bare, r.prefix+"-") && !gone[c[0]] {
			return fmt.Errorf("%s is not removed", c[0])
		}
	}
	return nil
}
