package oauthproxy

import (
	"context"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
)

// Messages of a refusal of a caller that brings a token of its own.
const (
	messageTwoCredentials = "The request has an access token and a session"
	messageNotBearer      = "The Authorization header is not one bearer token"
)

// decideBearer decides over a request with an Authorization header, where
// callers may bring an access token of their own.
//
// It comes before the cookie, and excludes it: RFC 6750 section 2: "Clients
// MUST NOT use more than one method to transmit the token in each request".
//
// It needs neither CSRF value nor Origin: browsers never attach this header by
// themselves, so another site cannot make one send it. If there is an Origin, it
// must still be trusted. Otherwise any page could use a stolen token here.
func (p *Proxy) decideBearer(ctx context.Context, r *Request, header csrf.Header, authorization []string) (Decision, error) {
	var d Decision
	if len(header("Origin")) > 0 {
		origin, err := p.rules.Origin(r.HTTPMethod, header)
		if err != nil {
			return d.refuse(contract.CodeUnauthorizedRequest, messageOf(err))
		}
		d.AllowedOrigin = origin
	}
	if !safePath(r) {
		return d.refuse(contract.CodeInvalidRequest, messagePath)
	}
	token, ok := bearerToken(authorization)
	if !ok {
		return d.refuse(contract.CodeUnauthorizedRequest, messageNotBearer)
	}
	if p.hasSession(header) {
		return d.refuse(contract.CodeUnauthorizedRequest, messageTwoCredentials)
	}
	return p.decideToken(ctx, r, d, token, foreignToken, nil)
}

// bearerToken reads the only value of the header: "Bearer" in any letter case (RFC
// 9110 section 11.1), one space and a b64token (RFC 6750 section 2.1). A b64token
// has no comma, so a list of two tokens is refused.
func bearerToken(authorization []string) (string, bool) {
	if len(authorization) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	return token, strings.EqualFold(scheme, "Bearer") && isB64Token(token)
}

func isB64Token(s string) bool {
	body := strings.TrimRight(s, "=")
	for _, c := range []byte(body) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return body != ""
}

// hasSession reports whether the Cookie header contains the name of the access
// token cookie, also as part of another name.
func (p *Proxy) hasSession(header csrf.Header) bool {
	for _, line := range header("Cookie") {
		if strings.Contains(line, p.names.AccessToken) {
			return true
		}
	}
	return false
}
