package oauth

import (
	"context"
	"net/url"
)

// LogoutURL returns where the browser signs out at the provider (OpenID
// Connect RP-Initiated Logout, or the profile's own form of it), or the empty
// string if the provider has no such endpoint.
//
// Section 2 of that document recommends id_token_hint. It is not in there: the
// URL is given to the page, which must not see a token unless a deployment
// allows it. client_id names the owner of post_logout_redirect_uri instead, and
// the provider may ask the user.
func (c *Client) LogoutURL(ctx context.Context) (string, error) {
	if c.profile.logoutReturn == "" {
		return "", nil
	}
	p, err := c.provider(ctx, func(e *endpoints) bool {
		return e.Logout != "" || c.profile.logoutPath != "" && e.Authorize != ""
	})
	if err != nil {
		return "", err
	}
	endpoint := p.Logout
	if endpoint == "" && c.profile.logoutPath != "" {
		endpoint = beside(p.Authorize, c.profile.logoutPath)
	}
	if endpoint == "" {
		return "", nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", &Error{Unavailable, "logout endpoint is not a URL"}
	}
	query := u.Query()
	query.Set("client_id", c.config.ClientID)
	if c.config.PostLogoutRedirectURI != "" {
		query.Set(c.profile.logoutReturn, c.config.PostLogoutRedirectURI)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// beside returns a path of the same origin.
func beside(endpoint, path string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + path
}
