package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// endpoints are named as in the provider metadata (OpenID Connect Discovery
// section 3, RFC 8414 section 2, RP-Initiated Logout section 2.1, RFC 9207
// section 3, RFC 9126 section 5, RFC 8705 section 5).
type endpoints struct {
	Authorize   string `json:"authorization_endpoint"`
	Token       string `json:"token_endpoint"`
	UserInfo    string `json:"userinfo_endpoint"`
	JWKS        string `json:"jwks_uri"`
	Logout      string `json:"end_session_endpoint"`
	Revocation  string `json:"revocation_endpoint"`
	PAR         string `json:"pushed_authorization_request_endpoint"`
	SendsIssuer bool   `json:"authorization_response_iss_parameter_supported"`
	RequirePAR  bool   `json:"require_pushed_authorization_requests"`

	Aliases struct {
		Token      string `json:"token_endpoint"`
		UserInfo   string `json:"userinfo_endpoint"`
		Revocation string `json:"revocation_endpoint"`
		PAR        string `json:"pushed_authorization_request_endpoint"`
	} `json:"mtls_endpoint_aliases"`
}

func (e *endpoints) all() []*string {
	return []*string{&e.Authorize, &e.Token, &e.UserInfo, &e.JWKS, &e.Logout, &e.Revocation, &e.PAR}
}

// metadataLifetime is how long metadata is kept, and with it the key set: a key
// that the provider has withdrawn is not trusted for longer.
const metadataLifetime = time.Hour

// provider is what the client knows of its provider.
type provider struct {
	endpoints
	requirePAR bool
	keys       *keySet
	expires    time.Time // zero: never, all is configured
}

func (c *Client) configured() endpoints {
	e := c.profile.endpoints
	override(&e.Authorize, c.config.AuthorizeEndpoint)
	override(&e.Token, c.config.TokenEndpoint)
	override(&e.UserInfo, c.config.UserInfoEndpoint)
	override(&e.JWKS, c.config.JWKSEndpoint)
	override(&e.Logout, c.config.LogoutEndpoint)
	override(&e.Revocation, c.config.RevocationEndpoint)
	override(&e.PAR, c.config.PAREndpoint)
	return e
}

// complete reports whether discovery has nothing to add that is needed: a
// provider need not have a logout endpoint.
func (c *Client) complete(e endpoints) bool {
	return c.usable(e) && (e.UserInfo != "" || !c.profile.openID) && (e.PAR != "" || !c.config.Push)
}

// usable reports whether the endpoints do for a login.
func (c *Client) usable(e endpoints) bool {
	needsKeys := c.profile.openID || c.Signed()
	return e.Authorize != "" && e.Token != "" && (e.JWKS != "" || !needsKeys)
}

func (c *Client) newProvider(e endpoints) *provider {
	return &provider{endpoints: e, requirePAR: e.RequirePAR, keys: c.newKeySet(e.JWKS)}
}

// metadata returns the provider, discovering it where it is not known yet, or
// not recently.
func (c *Client) metadata(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	if p := c.provider; p != nil && (p.expires.IsZero() || now.Before(p.expires)) {
		return p, nil
	}
	discovered, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	p := c.newProvider(discovered)
	p.expires = now.Add(metadataLifetime)
	if c.provider != nil && c.provider.JWKS == p.JWKS {
		p.keys = c.provider.keys // it has a lifetime of its own
	}
	c.provider = p
	return p, nil
}

func (c *Client) discover(ctx context.Context) (endpoints, error) {
	var e endpoints
	if len(c.profile.discovery) == 0 {
		return e, &Error{Unavailable, "an endpoint is not configured, and the profile has no discovery"}
	}
	document, err := c.fetchMetadata(ctx)
	if err != nil {
		return e, err
	}
	// OpenID Connect Discovery section 4.3, RFC 8414 section 3.3: the issuer
	// "MUST be identical to the authorization server's issuer identifier";
	// otherwise the metadata "MUST NOT be used".
	if issuer, ok := strictjson.String(document, "issuer"); !ok || issuer != c.config.Issuer {
		return e, &Error{Unavailable, "discovery: the metadata names another issuer than the configured one"}
	}
	// With the names as they were sent: a struct would take others, too.
	if exact(document, &e) != nil {
		return e, &Error{Unavailable, "discovery: the metadata has a field of the wrong type"}
	}
	if c.config.Certificate != nil {
		// RFC 8705 section 5: a client that uses mutual TLS "MUST use" the
		// aliases where there are any.
		override(&e.Token, e.Aliases.Token)
		override(&e.UserInfo, e.Aliases.UserInfo)
		override(&e.Revocation, e.Aliases.Revocation)
		override(&e.PAR, e.Aliases.PAR)
	}
	configured := c.configured()
	ours := configured.all()
	for i, endpoint := range e.all() {
		if *endpoint != "" && !c.acceptable(*endpoint) {
			return e, &Error{Unavailable, "discovery: the metadata has an endpoint that is no https URL"}
		}
		override(endpoint, *ours[i])
	}
	if !c.usable(e) {
		return e, &Error{Unavailable, "discovery: the metadata lacks an endpoint that is needed"}
	}
	return e, nil
}

// fetchMetadata tries the places of the profile. The next one is for a
// provider that has no such document, not for one that fails.
func (c *Client) fetchMetadata(ctx context.Context) (map[string]json.RawMessage, error) {
	var failure error
	for _, place := range c.profile.discovery {
		document, err := c.fetch(ctx, place.url(c.config.Issuer))
		if err == nil {
			return document, nil
		}
		if failure == nil {
			failure = &Error{Unavailable, "discovery: the provider " + networkReason(err)}
		}
		var status statusError
		if !errors.As(err, &status) || status != http.StatusNotFound {
			break
		}
	}
	return nil, failure
}

func (w wellKnown) url(issuer string) string {
	if w == openIDConfiguration {
		return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer // settings have checked it; the request will fail
	}
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.EscapedPath(), "/")
}

func (c *Client) fetch(ctx context.Context, address string) (map[string]json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.documents.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	document, err := strictjson.Object(body)
	if err != nil {
		return nil, errNotJSON
	}
	return document, nil
}

// exact decodes the members of an object whose names are exactly those of the
// metadata.
func exact(document map[string]json.RawMessage, into *endpoints) error {
	known := map[string]json.RawMessage{}
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint",
		"revocation_endpoint", "pushed_authorization_request_endpoint", "mtls_endpoint_aliases",
		"authorization_response_iss_parameter_supported", "require_pushed_authorization_requests",
	} {
		if value, present := document[name]; present {
			known[name] = value
		}
	}
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
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
