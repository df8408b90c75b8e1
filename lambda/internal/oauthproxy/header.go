package oauthproxy

import (
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// headerOf returns a lookup that ignores letter case: REST APIs pass names on as
// the client sent them, in lower case over HTTP/2 (API Gateway developer guide,
// "Important notes": header names are "processed in a case-sensitive way").
//
// The event has every header in two maps. The lookup reads both, so a value that
// only one of them has is not missed.
func headerOf(r *Request) csrf.Header {
	// Searching the maps for each name would take most of the time of a decision.
	fields := make([]field, 0, len(r.MultiValueHeaders)+len(r.Headers))
	for name, values := range r.MultiValueHeaders {
		for _, value := range values {
			fields = append(fields, field{name, value})
		}
	}
	multi := len(fields)
	for name, value := range r.Headers {
		fields = append(fields, field{name, value})
	}
	return func(name string) []string {
		var values []string
		for i := range fields {
			f := &fields[i]
			if sameName(f.name, name) && (i < multi || !contains(values, f.value)) {
				values = append(values, f.value)
			}
		}
		return values
	}
}

type field struct{ name, value string }

// sameName compares two names of headers. They are ASCII (RFC 9110 section
// 5.6.2), so equal names have equal lengths. That comparison is faster.
func sameName(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}
