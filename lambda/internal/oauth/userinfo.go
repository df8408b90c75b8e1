package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

const userInfoEndpoint = "userinfo endpoint"

// UserInfo returns the response of the UserInfo endpoint, a JSON object, byte
// for byte; of a signed response, which is verified, the payload. Its sub must
// be the given one, that of the session's ID token. If the provider issues no
// ID tokens, the subject may be empty.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (json.RawMessage, error) {
	key, accessToken, err := c.accessKey(accessToken)
	if err != nil {
		return nil, err
	}
	p, err := c.provider(ctx, func(e *endpoints) bool { return e.UserInfo != "" })
	if err != nil {
		return nil, err
	}
	if p.UserInfo == "" {
		return nil, &Error{Unavailable, "userinfo: the provider has no such endpoint"}
	}
	request, err := http.NewRequest(http.MethodGet, p.UserInfo, nil)
	if err != nil {
		return nil, &Error{Unavailable, userInfoEndpoint + " is not a URL"}
	}
	request.Header.Set("Accept", "application/json, application/jwt;q=0.9")
	if c.profile.userInfoAccept != "" {
		request.Header.Set("Accept", c.profile.userInfoAccept)
	}
	// GitHub Docs, "Getting started with the REST API": requests without a
	// User-Agent are rejected.
	request.Header.Set("User-Agent", "token-handler")
	answer, err := c.doWithToken(ctx, request, accessToken, key)
	if err != nil {
		return nil, err
	}
	answered := fmt.Sprintf("%s answered %d", userInfoEndpoint, answer.Status)
	switch {
	case answer.Status == http.StatusUnauthorized:
		return nil, &Error{TokenExpired, answered}
	case refused(answer.Status):
		return nil, &Error{Rejected, answered}
	case answer.Status != http.StatusOK:
		return nil, &Error{Unavailable, answered}
	}
	body := answer.Body
	switch answer.MediaType {
	case "application/json":
	case "application/jwt":
		// OpenID Connect Core section 5.3.2: a signed answer "MUST contain the
		// Claims iss (issuer) and aud (audience) as members". Its keys are in the
		// metadata, unless they are configured.
		if p, err = c.provider(ctx, func(e *endpoints) bool { return e.JWKS != "" }); err != nil {
			return nil, err
		}
		if body, _, err = c.verifyJWT(ctx, p, strings.TrimSpace(string(body)), "userinfo", Unavailable); err != nil {
			return nil, err
		}
	default:
		return nil, &Error{Unavailable, userInfoEndpoint + " answered something other than JSON"}
	}
	if err := c.checkUser(body, subject); err != nil {
		return nil, err
	}
	return body, nil
}

// checkUser compares a response with its subject.
func (c *Client) checkUser(body []byte, subject string) error {
	members, err := strictjson.Object(body)
	if err != nil {
		return &Error{Unavailable, userInfoEndpoint + " answered something other than a JSON object without duplicate names"}
	}
	if !c.profile.openID && subject == "" {
		return nil
	}
	got, ok := strictjson.String(members, c.profile.subjectClaim)
	if !ok && !c.profile.openID {
		got = number(members[c.profile.subjectClaim])
	}
	// OpenID Connect Core section 5.3.2: "The sub Claim in the UserInfo
	// Response MUST be verified to exactly match the sub Claim in the ID Token;
	// if they do not match, the UserInfo Response values MUST NOT be used."
	if subject == "" || got != subject {
		return &Error{Unavailable, userInfoEndpoint + " answered for another subject"}
	}
	return nil
}

// number reads a subject that is one, as at GitHub.
func number(raw json.RawMessage) string {
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return ""
	}
	return n.String()
}
