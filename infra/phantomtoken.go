package main

import (
	"fmt"
	"time"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// phantomToken reads the stage's fields about introspection; nil if it is off,
// whatever the others say, so that one field switches it.
func (s stage) phantomToken() (*tokenhandler.PhantomToken, error) {
	if !s.UsePhantomToken {
		return nil, nil
	}
	p := &tokenhandler.PhantomToken{IntrospectionURL: s.IntrospectionURL, MediaType: s.IntrospectionMediaType, ClientID: s.IntrospectionClientID}
	if s.IntrospectionMaxAge != "" {
		age, err := time.ParseDuration(s.IntrospectionMaxAge)
		if err != nil || age < 0 {
			return nil, fmt.Errorf("introspectionMaxAge is %q: expected a duration such as 30s, or 0s", s.IntrospectionMaxAge)
		}
		if p.MaxAge = age; age == 0 {
			p.MaxAge = -1
		}
	}
	return p, nil
}

// phantomToken is the stage's, with its secret; check has seen that it reads.
func phantomToken(scope constructs.Construct, s stage) *tokenhandler.PhantomToken {
	p, _ := s.phantomToken()
	if p != nil {
		p.ClientSecret = givenSecret(scope, "GivenIntrospectionSecret", s.IntrospectionSecret)
	}
	return p
}
