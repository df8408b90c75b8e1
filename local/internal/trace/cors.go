package trace

import (
	"slices"
	"strings"
)

// CORS is the part of a request and its response that a browser decides by.
type CORS struct {
	Preflight       bool
	Origin          string // of the request
	WantMethod      string // Access-Control-Request-Method
	WantHeaders     string // Access-Control-Request-Headers
	Credentialed    bool   // the request has cookies
	AllowOrigin     []string
	AllowMethods    string
	AllowHeaders    string
	AllowCredential string
	Vary            string
	// Early is set where the response was made before the authorizer ran, so
	// that its context could not name the origin.
	Early bool
}

// Explain explains a refusal of the browser, or returns nil.
func (c CORS) Explain() *Explain {
	if s := c.Step(); s.Result == "refused" {
		return explainCORS(s.Note)
	}
	return nil
}

// Step says whether the page may read the response, and why.
func (c CORS) Step() Step {
	s := Step{Name: "cors", Title: "CORS", Result: "info"}
	origin := cut(c.Origin)
	switch {
	case c.Origin == "":
		s.Note = "The request has no Origin header: the browser asks for no permission (same origin, a navigation, or not a browser)."
		return s
	case len(c.AllowOrigin) > 1:
		s.Result, s.Note = "refused", "Access-Control-Allow-Origin is there more than once: browsers refuse that."
		return s
	case len(c.AllowOrigin) == 0 && c.Preflight:
		s.Result, s.Note = "refused", "The preflight does not know "+origin+": it answers without CORS headers, and the browser does not send the request. Trusted origins are those of the stage."
		return s
	case len(c.AllowOrigin) == 0 && c.Early:
		s.Result, s.Note = "refused", "This response was made before the authorizer ran, so no trusted origin is known. The page sees a network error. With one trusted origin the value is static and is always there."
		return s
	case len(c.AllowOrigin) == 0:
		s.Result, s.Note = "refused", "Access-Control-Allow-Origin is missing: "+origin+" is not trusted, or the response does not map it. The page sees a network error."
		return s
	case c.AllowOrigin[0] == "*" && c.Credentialed:
		s.Result, s.Note = "refused", "Access-Control-Allow-Origin is *, which browsers refuse for requests with cookies."
		return s
	case c.AllowOrigin[0] != "*" && c.AllowOrigin[0] != c.Origin:
		s.Result, s.Note = "refused", "Access-Control-Allow-Origin is "+cut(c.AllowOrigin[0])+", and the page is at "+origin+"."
		return s
	case c.AllowCredential != "true" && c.Credentialed:
		s.Result, s.Note = "refused", "Access-Control-Allow-Credentials is missing: the page may not read the response to a request with cookies."
		return s
	}
	if c.Preflight {
		if c.WantMethod != "" && !slices.Contains([]string{"GET", "HEAD", "POST"}, c.WantMethod) && !listed(c.AllowMethods, c.WantMethod, true) {
			s.Result, s.Note = "refused", "The preflight does not allow the method "+Param(c.WantMethod)+"."
			return s
		}
		var missing []string
		for name := range strings.SplitSeq(c.WantHeaders, ",") {
			if name = strings.TrimSpace(name); name != "" && !listed(c.AllowHeaders, name, false) {
				missing = append(missing, Name(name))
			}
		}
		if len(missing) > 0 {
			s.Result, s.Note = "refused", "The preflight does not allow the request header "+strings.Join(missing, ", ")+": the browser does not send the request. Add it to allowHeaders of the stage if the page needs it."
			return s
		}
		s.Result, s.Note = "ok", "The browser may send the request from "+origin+"."
		return s
	}
	s.Result, s.Note = "ok", "The page at "+origin+" may read this response."
	if !listed(c.Vary, "Origin", false) && c.AllowOrigin[0] != "*" {
		s.Note += " Vary: Origin is missing: a cache could hand it to a page of another origin."
	}
	return s
}

// listed reports whether a comma-separated list has a name. A * stands for
// itself only: requests with cookies make it an ordinary name.
func listed(list, name string, exact bool) bool {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == name || !exact && strings.EqualFold(item, name) {
			return true
		}
	}
	return false
}
