package main

import (
	"time"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// phantomToken reads the stage's fields about introspection.
func phantomToken(scope constructs.Construct, s stage) tokenhandler.PhantomToken {
	if !s.UsePhantomToken {
		return tokenhandler.PhantomToken{}
	}
	p := tokenhandler.PhantomToken{Enabled: true, IntrospectionURL: s.IntrospectionURL, MediaType: s.IntrospectionMediaType, ClientID: s.IntrospectionClientID,
		ClientSecret: givenSecret(scope, "GivenIntrospectionSecret", s.IntrospectionSecret)}
	if s.IntrospectionMaxAge != "" {
		if p.MaxAge, _ = time.ParseDuration(s.IntrospectionMaxAge); p.MaxAge == 0 {
			p.MaxAge = tokenhandler.None
		}
	}
	return p
}
