package oauth

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// endpoints are named as in the provider metadata (OpenID Connect Discovery
// section 3, RP-Initiated Logout section 2.1, RFC 9207 section 3).
type endpoints struct {
	Authorize   string `json:"authorization_endpoint"`
	Token       string `json:"token_endpoint"`
	UserInfo    string `json:"userinfo_endpoint"`
	JWKS        string `json:"jwks_uri"`
	Logout      string `json:"end_session_endpoint"`
	SendsIssuer bool   `json:"authorization_response_iss_parameter_supported"`
}

// complete reports whether discovery has nothing to add that is needed: a
// provider need not have a logout endpoint.
func (e endpoints) complete() bool {
	return e.Authorize != "" && e.Token != "" && e.UserInfo != "" && e.JWKS != ""
}

// provider is what the client knows of its OpenID Provider.
type provider struct {
	endpoint         oauth2.Endpoint
	userInfo, logout string
	sendsIssuer      bool
	keys             *oidc.RemoteKeySet
}

func (c *Client) configured() endpoints {
	return endpoints{
		Authorize: c.config.AuthorizeEndpoint, Token: c.config.TokenEndpoint, UserInfo: c.config.UserInfoEndpoint,
		JWKS: c.config.JWKSEndpoint, Logout: c.config.LogoutEndpoint,
	}
}

func (c *Client) newProvider(e endpoints) *provider {
	return &provider{
		// AuthStyleInHeader is client_secret_basic; the package form-url-encodes
		// id and secret before, as RFC 6749 section 2.3.1 asks.
		endpoint: oauth2.Endpoint{AuthURL: e.Authorize, TokenURL: e.Token, AuthStyle: oauth2.AuthStyleInHeader},
		userInfo: e.UserInfo, logout: e.Logout, sendsIssuer: e.SendsIssuer,
		// The key set outlives the request, and fetches with a client of its own.
		keys: oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), c.documents), e.JWKS),
	}
}

// metadata returns the provider, discovering it where it is not known yet.
func (c *Client) metadata(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider != nil {
		return c.provider, nil
	}
	discovered, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	c.provider = c.newProvider(discovered)
	return c.provider, nil
}

func (c *Client) discover(ctx context.Context) (endpoints, error) {
	var e endpoints
	// NewProvider compares the issuer of the document with ours, as Discovery
	// section 4.3 demands.
	document, err := oidc.NewProvider(oidc.ClientContext(ctx, c.documents), c.config.Issuer)
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &mismatch):
		return e, &Error{Unavailable, "discovery: the metadata names another issuer than the configured one"}
	case err != nil:
		return e, &Error{Unavailable, "discovery: the provider " + networkReason(err)}
	}
	if err := document.Claims(&e); err != nil {
		return e, &Error{Unavailable, "discovery: the metadata has a field of the wrong type"}
	}
	configured := c.configured()
	override(&e.Authorize, configured.Authorize)
	override(&e.Token, configured.Token)
	override(&e.UserInfo, configured.UserInfo)
	override(&e.JWKS, configured.JWKS)
	override(&e.Logout, configured.Logout)
	if e.Authorize == "" || e.Token == "" || e.JWKS == "" {
		return e, &Error{Unavailable, "discovery: the metadata lacks an endpoint that is needed"}
	}
	for _, endpoint := range []string{e.Authorize, e.Token, e.UserInfo, e.JWKS, e.Logout} {
		if endpoint != "" && !c.acceptable(endpoint) {
			return e, &Error{Unavailable, "discovery: the metadata has an endpoint that is no https URL"}
		}
	}
	return e, nil
}

func override(discovered *string, configured string) {
	if configured != "" {
		*discovered = configured
	}
}

// acceptable holds endpoints to https (RFC 6749 section 3.1: "the
// authorization server MUST require the use of TLS"). http is for an issuer
// that is http itself, which the settings accept on loopback names only.
func (c *Client) acceptable(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Contains(endpoint, "#") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(c.config.Issuer, "http://")
}

// LogoutURL returns where the browser signs out at the provider (OpenID
// Connect RP-Initiated Logout), or the empty string if the provider has no
// such endpoint.
//
// Section 2 of that document recommends id_token_hint. It is not sent: the URL
// is given to the page, and no token ever is. client_id says in its stead
// whose post_logout_redirect_uri it is, and the provider may ask the user.
func (c *Client) LogoutURL(ctx context.Context) (string, error) {
	endpoint := c.config.LogoutEndpoint
	if endpoint == "" {
		p, err := c.metadata(ctx)
		if err != nil {
			return "", err
		}
		endpoint = p.logout
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
		query.Set("post_logout_redirect_uri", c.config.PostLogoutRedirectURI)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
