package cookie

import "net/http"

// MaxSize is what browsers keep of one cookie: name, value and attributes of
// at least 4,096 bytes together (RFC 6265 section 6.1). More is dropped
// silently, which shows as an endless login.
const MaxSize = 4096

// Parse reads the cookies of the request's Cookie headers, of which HTTP/2 may
// send several (RFC 9113 section 8.2.3). Names are case-sensitive. A name that
// comes twice with different values is ambiguous and is left out, so that
// nothing planted beside our own is ever chosen. Malformed pairs are skipped.
func Parse(headers ...string) map[string]string {
	r := http.Request{Header: http.Header{"Cookie": headers}}
	cookies := map[string]string{}
	var ambiguous []string
	for _, c := range r.Cookies() {
		if old, seen := cookies[c.Name]; seen && old != c.Value {
			ambiguous = append(ambiguous, c.Name)
		}
		cookies[c.Name] = c.Value
	}
	for _, name := range ambiguous {
		delete(cookies, name)
	}
	return cookies
}
