package oauthagent

import "net/http"

// maxHeaders is the limit of API Gateway: "Total combined size of request line
// and header values: 10240 Bytes" (Amazon API Gateway quotas), which cannot be
// raised. Above it every request fails before the authorizer runs, and the page
// cannot read the error. So a login with larger cookies must end in a clear
// error.
const maxHeaders = 10_240

// maxSession also bounds the session's cookies: later requests, and other
// browsers, may have larger headers.
const maxSession = 7000

// headroom is reserved for parts of later requests that this one may lack: a
// longer path and query, the double submit header, two more pending logins.
const headroom = 1200

// room returns the size that the session's cookies may have in the Cookie
// header, next to the browser's other headers and cookies. Cookies that the
// response replaces or removes do not count.
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
		// If a name has several values, the response replaces or removes one for each
		// place that it names.
		for _, value := range values[min(len(values), replaced[name]):] {
			others += inCookieHeader(&http.Cookie{Name: name, Value: value})
		}
	}
	return min(maxSession, maxHeaders-headroom-others)
}

// sizeOf is the size of cookies in the Cookie header.
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
