package cookie

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// MaxSize is the size up to which browsers keep a cookie: at least 4,096 bytes
// of name, value and attributes (RFC 6265 section 6.1). They drop a larger
// cookie silently, and the user sees an endless login.
const MaxSize = 4096

// Received has the values of a request's cookies by name, without repetitions.
// A name has several values if the browser has cookies of that name with
// several domains or paths (RFC 6265 section 5.3), ours and others.
type Received map[string][]string

// Parse reads the cookies of the request's Cookie headers. HTTP/2 may send
// several (RFC 9113 section 8.2.3). Names are case-sensitive. Malformed
// pairs are skipped.
func Parse(headers ...string) Received {
	r := http.Request{Header: http.Header{"Cookie": headers}}
	received := Received{}
	for _, c := range r.Cookies() {
		if !slices.Contains(received[c.Name], c.Value) {
			received[c.Name] = append(received[c.Name], c.Value)
		}
	}
	return received
}

// ParseOnly is [Parse] for the cookies with these names and their parts. It may
// return others, too.
func ParseOnly(names []string, headers ...string) Received {
	var wanted []string
	for _, header := range headers {
		for pair := range strings.SplitSeq(header, ";") {
			pair = textproto.TrimString(pair) // as net/http does
			if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(pair, name) }) {
				wanted = append(wanted, pair)
			}
		}
	}
	return Parse(wanted...)
}

// Has reports whether the request contains a cookie or any part of it.
func (r Received) Has(name string) bool {
	for i := range MaxParts {
		if len(r[part(name, i)]) > 0 {
			return true
		}
	}
	return false
}
