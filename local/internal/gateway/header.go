package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// header is one header line; its name keeps its letters as they are.
type header struct{ name, value string }

type headers []header

// get returns the last value of a name in any letter case.
func (h headers) get(name string) (string, bool) {
	for _, x := range slices.Backward(h) {
		if strings.EqualFold(x.name, name) {
			return x.value, true
		}
	}
	return "", false
}

func (h headers) values(name string) []string {
	var out []string
	for _, x := range h {
		if strings.EqualFold(x.name, name) {
			out = append(out, x.value)
		}
	}
	return out
}

// without returns the lines whose names are not in the list, in any letter case.
func (h headers) without(names ...string) headers {
	return slices.DeleteFunc(slices.Clone(h), func(x header) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, x.name) })
	})
}

// with replaces all lines of a name, in any letter case.
func (h headers) with(name string, values ...string) headers {
	h = h.without(name)
	for _, v := range values {
		h = append(h, header{name, v})
	}
	return h
}

// withDefault adds a line unless the name is there.
func (h headers) withDefault(name, value string) headers {
	if _, ok := h.get(name); ok {
		return h
	}
	return append(h, header{name, value})
}

// Headers that API Gateway drops from requests. AWS: "Amazon API Gateway important notes", table of headers that may be
// "dropped, remapped, or otherwise modified", and recordings of real requests.
var (
	droppedFromEvents = []string{"Connection", "Content-Length", "Content-MD5", "Expect", "Max-Forwards", "Proxy-Authenticate",
		"Server", "TE", "Transfer-Encoding", "Trailer", "Upgrade", "WWW-Authenticate"}
	// Host is overwritten with the endpoint's. "In order to pass the [X-HTTP-Method-Override] header to the backend, the
	// header needs to be added to the integration request."
	droppedFromHTTPProxy = append([]string{"Host", "Content-Encoding", "Via", "X-HTTP-Method-Override"}, droppedFromEvents...)

	// "Remapped means that the header name is changed from <string> to X-Amzn-Remapped-<string>".
	remappedInResponses = []string{"Authorization", "Connection", "Content-Length", "Content-MD5", "Date", "Expect", "Host",
		"Max-Forwards", "Proxy-Authenticate", "Server", "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate"}
	droppedFromResponses = []string{"Via", "Transfer-Encoding"}
)

// remap renames and drops headers that do not pass from an integration to the client under their own names.
func (h headers) remap() headers {
	h = h.without(droppedFromResponses...)
	for i, x := range h {
		for _, name := range remappedInResponses {
			if strings.EqualFold(x.name, name) {
				h[i].name = "x-amzn-Remapped-" + name
			}
		}
	}
	return h
}

// writtenByGateway are the names whose capitals survive even when clients use HTTP/2: API Gateway writes them itself.
var writtenByGateway = []string{"Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}

// clientHeaders lists the headers of a request in a stable order. net/http has already put names into canonical form
// and lost the order among names; lines of one name keep theirs.
func clientHeaders(r *http.Request, canonical bool) headers {
	var names []string
	for n := range r.Header {
		names = append(names, n)
	}
	slices.Sort(names)
	out := headers{{"Host", r.Host}}
	for _, n := range names {
		name := n
		if !canonical && !slices.Contains(writtenByGateway, n) {
			name = strings.ToLower(n)
		}
		for _, v := range r.Header[n] {
			out = append(out, header{name, v})
		}
	}
	return out
}

// headerBytes is the size that the quota "total combined size of all header values" counts: names, values, separators
// and line ends.
func headerBytes(h headers) int {
	n := 0
	for _, x := range h {
		n += len(x.name) + len(": ") + len(x.value) + len("\r\n")
	}
	return n
}

// validValue reports whether a value can be sent in a header at all.
func validValue(v string) bool { return !strings.ContainsAny(v, "\r\n\x00") }

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// validName is RFC 9110's token.
func validName(n string) bool { return n != "" && strings.Trim(n, tokenChars) == "" }
