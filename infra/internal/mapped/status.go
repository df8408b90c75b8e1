package mapped

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DefaultStatuses reach the page unchanged on routes that list no statuses.
// They are the statuses of RFC 9110 and RFC 6585 to which a page reacts
// differently. A method gets those that can occur on it; see [Occurs].
//
// Each status costs a kilobyte of the template and two calls of API Gateway's
// control plane at deployment, for every method.
var DefaultStatuses = []int{
	200, 201, 202, 204, 304,
	400, 401, 403, 404, 409, 410, 412, 413, 422, 429,
	500, 503,
}

// Occurs reports whether an upstream may answer a method with a status. names
// are the request headers that go up. A status that needs a body, a change or a
// precondition (RFC 9110 section 13.1) does not occur without.
func Occurs(status int, method string, names []string) bool {
	safe := method == "GET" || method == "HEAD"
	has := func(headers ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(headers, strings.ToLower(name)) })
	}
	switch status {
	case 201, 413:
		return slices.Contains([]string{"POST", "PUT", "PATCH"}, method)
	case 409:
		return !safe
	case 304:
		return safe && has("if-none-match", "if-modified-since")
	case 412:
		return has("if-match", "if-none-match", "if-unmodified-since")
	}
	return true
}

// Headers of the answers with some statuses, besides those of every answer.
var headersOf = map[int][]string{
	200: {"ETag"}, 201: {"ETag", "Location"}, 202: {"Location", "Retry-After"}, 204: {"ETag"},
	301: {"Location"}, 302: {"Location"}, 303: {"Location"}, 304: {"ETag"}, 307: {"Location"}, 308: {"Location"},
	412: {"ETag"}, 413: {"Retry-After"}, 429: {"Retry-After"}, 503: {"Retry-After"},
}

// defaultStatus stands for every upstream status that is in no pattern: its
// integration response has no pattern, which makes it the default.
const defaultStatus = 502

// exact reach the page unchanged on every route: 401, because pages refresh the
// session on it, and the first statuses of each class.
var exact = []int{200, 400, 401, 500}

// unfit are never taken for another of their class: part of a representation is
// not the whole (RFC 9110 section 15.3.7). Nor are redirections, which all mean
// different things.
var unfit = []int{206}

// status is one integration response: the status that comes down, and the
// pattern of the upstream statuses that it takes. An empty pattern takes those
// that no other takes.
type status struct {
	code    int
	pattern string
}

// statusesOf lists the integration responses for statuses. An integration
// response has one fixed status, so each needs its own. Other statuses come
// down as the first of its class: "a client MUST understand the class of any
// status code, as indicated by the first digit, and treat an unrecognized status
// code as being equivalent to the x00 status code of that class" (RFC 9110
// section 15).
func statusesOf(listed []int) []status {
	codes := slices.Concat(listed, exact, []int{defaultStatus})
	slices.Sort(codes)
	codes = slices.Compact(codes)
	var all []status
	for _, code := range codes {
		s := status{code, strconv.Itoa(code)}
		switch code {
		case 200, 400, 500:
			s.pattern = restOfClass(code, append(unfit, codes...))
		case defaultStatus:
			s.pattern = ""
		}
		all = append(all, s)
	}
	return all
}

// restOfClass is a regular expression for a code and all of its class that are
// not taken. Patterns must not overlap: AWS does not document which of two
// matching patterns API Gateway takes.
func restOfClass(code int, taken []int) string {
	var parts []string
	var whole strings.Builder // tens without a listed status
	for ten := range 10 {
		var free strings.Builder
		for one := range 10 {
			if c := code + 10*ten + one; c == code || !slices.Contains(taken, c) {
				fmt.Fprint(&free, one)
			}
		}
		switch free.Len() {
		case 0:
		case 10:
			fmt.Fprint(&whole, ten)
		default:
			parts = append(parts, fmt.Sprintf("%d%d[%s]", code/100, ten, &free))
		}
	}
	if whole.Len() > 0 {
		parts = append(parts, fmt.Sprintf("%d[%s][0-9]", code/100, &whole))
	}
	return strings.Join(parts, "|")
}
