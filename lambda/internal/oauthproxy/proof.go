package oauthproxy

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

// proofs makes the proof of possession that goes upstream with a bound token
// (RFC 9449). Nil stands for bearer tokens.
//
// A proof names the URL that the gateway will call. proofs builds it as the gateway
// does, from the route and the decoded path parameters. API Gateway does not document
// how it escapes characters other than letters, digits and "-._~". If it differs, the
// upstream API refuses the proof, so the difference is safe.
//
// Upstream APIs that require a nonce do not work: their response with the nonce goes
// to the page, and the authorizer never sees it.
type proofs struct{ upstreams settings.Upstreams }

func newProofs(s settings.Authorizer) (*proofs, error) {
	switch {
	case !s.AccessTokens.DPoP:
		return nil, nil
	case len(s.Upstreams) == 0:
		return nil, errors.New("oauthproxy: UPSTREAMS is missing: expected the URLs that routes lead to, with DPOP")
	}
	return &proofs{s.Upstreams}, nil
}

// open splits the token of a session into key and token. ok is false for a token of
// the other mode: a token without a key cannot be proved, and a key must not go
// upstream with the token.
func (p *proofs) open(sealed string) (key *dpop.Key, token string, ok bool) {
	if p == nil {
		return nil, sealed, !dpop.IsBound(sealed)
	}
	key, token, err := dpop.Open(sealed)
	return key, token, err == nil && isBearerToken(token)
}

func (p *proofs) prove(r *Request, key *dpop.Key, token string, now time.Time) (string, error) {
	target, err := p.target(r)
	if err != nil {
		return "", err
	}
	return key.Proof(dpop.Request{Method: r.HTTPMethod, URL: target, AccessToken: token, Now: now})
}

// target returns the upstream URL of a request. The resource that API Gateway matched
// identifies the route, as for requirements.
func (p *proofs) target(r *Request) (string, error) {
	resource := r.Resource
	if r.RequestContext.ResourcePath != "" && r.RequestContext.ResourcePath != resource {
		return "", errors.New("oauthproxy: expected the event to name the matched resource")
	}
	template, known := p.upstreams[settings.RouteKey(r.HTTPMethod, resource)]
	if !known {
		return "", errors.New("oauthproxy: expected the URL of the matched route among UPSTREAMS")
	}
	var target strings.Builder
	for template != "" {
		before, rest, parameter := strings.Cut(template, "{")
		target.WriteString(before)
		if !parameter {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		value := r.PathParameters[name]
		// safePath has refused slashes, dot segments and percent signs in it.
		if !closed || value == "" {
			return "", errors.New("oauthproxy: expected the event to have the path parameters of the upstream URL")
		}
		target.WriteString((&url.URL{Path: value}).EscapedPath())
		template = after
	}
	return target.String(), nil
}
