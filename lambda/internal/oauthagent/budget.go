package oauthagent

import "net/http"

// maxHeaders is what API Gateway takes: "Total combined size of request line
// and header values: 10240 Bytes" (Amazon API Gateway quotas), which cannot be
// raised. Over it, every request of the browser fails before the authorizer is
// asked, and there is no error response that a page could read: so a login
// whose cookies would lead there must end in a clear error instead.
const maxHeaders = 10_240

// maxSession bounds the session's cookies in any case: browsers differ in what
// they send, and this one may send more tomorrow.
const maxSession = 7000

// headroom is kept for what later requests carry and this one need not: a
// longer path and query, the double submit header, two more pending logins.
const headroom = 1200

// room is what the session's cookies may take in the Cookie header, next to
// the headers and other cookies this very browser sends. Cookies that the answer
// replaces or removes do not count.
func (c *call) room(a *agent, answer []*http.Cookie) int {
	others := len(c.request.Method+c.request.RequestURI+" HTTP/1.1\r\n") + len("Host: "+c.request.Host+"\r\n")
	for name, values := range c.request.Header {
		if name == "Cookie" {
			continue
		}
		for _, value := range values {
			others += len(name) + len(value) + len(": \r\n")
		}
	}
	replaced := map[string]int{}
	for _, each := range answer {
		replaced[each.Name]++
	}
	for name, values := range c.received {
		// Of several values of one name, the answer replaces or removes as many
		// as it names places.
		for _, value := range values[min(len(values), replaced[name]):] {
			others += inCookieHeader(&http.Cookie{Name: name, Value: value})
		}
	}
	return min(maxSession, maxHeaders-headroom-others)
}

// sizeOf is what cookies take in the Cookie header.
func sizeOf(cookies []*http.Cookie) int {
	size := 0
	for _, each := range cookies {
		if each.MaxAge >= 0 {
			size += inCookieHeader(each)
		}
	}
	return size
}

func inCookieHeader(c *http.Cookie) int { return len(c.Name) + len(c.Value) + len("=; ") }
