package oauthagent

import (
	"strings"
	"unicode/utf8"
)

// maxPlace bounds the place that a login returns to, in bytes.
const maxPlace = 512

// takePlace removes the place from a request to login/start and returns it: the
// path, query and fragment that the page shows again after the login. It is
// returnTo in JSON and return_to in a form, and optional.
func (b body) takePlace() (string, error) {
	var request struct {
		ReturnTo string `json:"returnTo"`
	}
	if err := b.decode(&request); err != nil {
		return "", err
	}
	place := request.ReturnTo
	if values, ok := b.form["return_to"]; ok {
		delete(b.form, "return_to")
		if len(values) > 1 {
			return "", malformed.with("return_to comes twice")
		}
		place = values[0]
	}
	if place != "" && !isPlace(place) {
		return "", malformed.with("the place to return to is not an absolute path of at most 512 bytes")
	}
	return place, nil
}

// isPlace reports whether a browser resolves s to a URL of the page's own
// origin. Browsers take a backslash for a slash and remove tabs and line breaks
// (URL Standard section 4.4), so neither is allowed.
func isPlace(s string) bool {
	return len(s) <= maxPlace && utf8.ValidString(s) && !containsControl(s) && !strings.ContainsAny(s, `\ `) &&
		strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
}
