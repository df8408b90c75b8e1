package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// UserInfo returns what the UserInfo endpoint says of the user, a JSON object,
// byte for byte. Its sub must be the given one, that of the session's ID token.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (json.RawMessage, error) {
	p, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	if p.userInfo == "" {
		return nil, &Error{Unavailable, "userinfo: the provider has no such endpoint"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.userInfo, nil)
	if err != nil {
		return nil, &Error{Unavailable, "userinfo endpoint is not a URL"}
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &Error{Unavailable, "userinfo endpoint " + networkReason(err)}
	}
	defer response.Body.Close()
	status := response.StatusCode
	answered := fmt.Sprintf("userinfo endpoint answered %d", status)
	switch {
	case status == http.StatusUnauthorized:
		return nil, &Error{TokenExpired, answered}
	case refused(status):
		return nil, &Error{Rejected, answered}
	case status != http.StatusOK:
		return nil, &Error{Unavailable, answered}
	case !isJSON(response):
		return nil, &Error{Unavailable, "userinfo endpoint answered something other than JSON"}
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, &Error{Unavailable, "userinfo endpoint " + networkReason(err)}
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if !isObject(body) || json.Unmarshal(body, &claims) != nil {
		return nil, &Error{Unavailable, "userinfo endpoint answered something other than a JSON object"}
	}
	// OpenID Connect Core section 5.3.2: "The sub Claim in the UserInfo
	// Response MUST be verified to exactly match the sub Claim in the ID Token;
	// if they do not match, the UserInfo Response values MUST NOT be used."
	if subject == "" || claims.Subject != subject {
		return nil, &Error{Unavailable, "userinfo endpoint answered for another subject"}
	}
	return body, nil
}
