package oauthproxy

import (
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// headerOf looks names up whatever their letter case: REST APIs hand on names
// as the client sent them, lower case over HTTP/2 (API Gateway developer guide,
// "Important notes": header names are "processed in a case-sensitive way").
//
// The event has every header in two maps. Both are read, so that none hides a
// value that the other shows.
func headerOf(r *Request) csrf.Header {
	return func(name string) []string {
		var values []string
		for key, multi := range r.MultiValueHeaders {
			if strings.EqualFold(key, name) {
				values = append(values, multi...)
			}
		}
		for key, value := range r.Headers {
			if strings.EqualFold(key, name) && !contains(values, value) {
				values = append(values, value)
			}
		}
		return values
	}
}

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}
