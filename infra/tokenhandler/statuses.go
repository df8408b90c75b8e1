package tokenhandler

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// status is an integration response of a mapped route: which upstream statuses
// it takes, and the one that comes down.
type status struct {
	code    string
	pattern string // of upstream statuses; empty: those that no other takes
	with    header
}

// header says which headers an answer may have besides Content-Type and
// Cache-Control.
type header uint8

const (
	etag header = 1 << iota
	location
	retryAfter
)

// DefaultStatuses come down as they are where Route.Statuses and Props.Statuses
// are nil: those of RFC 9110 and RFC 6585 that an API may well answer.
var DefaultStatuses = []int{
	200, 201, 202, 204, 301, 302, 303, 304, 307, 308,
	400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 422, 428, 429,
	500, 501, 503, 504,
}

// withHeaders are the statuses whose answers have headers of their own.
var withHeaders = map[int]header{
	200: etag, 201: etag | location, 202: location | retryAfter, 204: etag,
	301: location, 302: location, 303: location, 304: etag, 307: location, 308: location,
	412: etag, 413: retryAfter, 429: retryAfter, 503: retryAfter,
}

// defaultStatus stands for every upstream status that is in no pattern: its
// integration response has none, which makes it the default.
const defaultStatus = 502

// exact come down as they are, whatever a route lists: 401, because pages
// refresh the session on it, and those that stand for others of their class.
var exact = []int{200, 400, 401, 500}

// unfit are never taken for another of their class: part of a representation is
// not the whole (RFC 9110 section 15.3.7). Nor are redirections, of which each
// means something else.
var unfit = []int{206}

// statusesOf are the integration responses of a route. An integration response
// has one fixed status, so each needs its own, and each takes its share of the
// template, a kilobyte. What is not listed comes down as the first of its class:
// "a client MUST understand the class of any status code, as indicated by the
// first digit, and treat an unrecognized status code as being equivalent to the
// x00 status code of that class" (RFC 9110 section 15).
func statusesOf(listed []int) []status {
	codes := append(slices.Clone(listed), exact...)
	codes = append(codes, defaultStatus)
	slices.Sort(codes)
	codes = slices.Compact(codes)
	var all []status
	for _, code := range codes {
		s := status{code: strconv.Itoa(code), pattern: strconv.Itoa(code), with: withHeaders[code]}
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
// not taken. Patterns must not overlap: which of two API Gateway takes is not
// documented.
func restOfClass(code int, taken []int) string {
	var parts []string
	var whole strings.Builder // tens of which nothing is taken
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

// checkStatuses panics if a list names what is no status of an answer.
func checkStatuses(field string, codes []int) {
	for i, code := range codes {
		if code < 200 || code > 599 || slices.Contains(codes[:i], code) {
			misuse("%s has %d: expected statuses from 200 to 599, each once", field, code)
		}
	}
}

// statuses are those of a route.
func (h *TokenHandler) statuses(r Route) []status {
	for _, listed := range [][]int{r.Statuses, h.props.Statuses} {
		if listed != nil {
			return statusesOf(listed)
		}
	}
	return statusesOf(DefaultStatuses)
}

// headers are those of an answer with this status, exposed those of them a
// page on another origin needs leave to read: all but the CORS-safelisted ones
// (Fetch standard, "CORS-safelisted response-header name").
func (s status) headers() []string {
	return append([]string{"Content-Type", "Cache-Control"}, s.exposed()...)
}

func (s status) exposed() []string {
	var names []string
	if s.with&etag != 0 {
		names = append(names, "ETag")
	}
	if s.with&location != 0 {
		names = append(names, "Location")
	}
	if s.with&retryAfter != 0 {
		names = append(names, "Retry-After")
	}
	return names
}
