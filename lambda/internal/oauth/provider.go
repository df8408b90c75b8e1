package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
	"github.com/tokenhandler/aws/lambda/internal/jwt"
	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// endpoints are those of the provider metadata (OpenID Connect Discovery
// section 3, RFC 8414 section 2, RP-Initiated Logout section 2.1, RFC 9126
// section 5).
type endpoints struct {
	Authorize, Token, UserInfo, JWKS, Logout, Revocation, PAR string
}

// endpointNames are the members of the metadata, in the order of all.
var endpointNames = []string{
	"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint",
	"revocation_endpoint", "pushed_authorization_request_endpoint",
}

func (e *endpoints) all() []*string {
	return []*string{&e.Authorize, &e.Token, &e.UserInfo, &e.JWKS, &e.Logout, &e.Revocation, &e.PAR}
}

// How long metadata is kept. After metadataFresh it is fetched again; while
// that fails, the old metadata is used until metadataStale, and the next
// attempt waits for metadataRetry.
const (
	metadataFresh = time.Hour
	metadataStale = 24 * time.Hour
	metadataRetry = 30 * time.Second
)

// provider holds the endpoints and keys of the provider.
type provider struct {
	endpoints
	requirePAR  bool // RFC 9126 section 5
	sendsIssuer bool // RFC 9207 section 3
	keys        *jwt.KeySet
	fetched     time.Time
}

// configured returns the endpoints that need no discovery.
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

// complete reports whether there is no discovery at all: everything that the
// profile needs is configured.
func (c *Client) complete(e *endpoints) bool {
	return e.Authorize != "" && c.redeems(e) && (e.UserInfo != "" || !c.profile.openID) && (e.PAR != "" || !c.config.Push)
}

// redeems reports whether tokens can be requested and verified.
func (c *Client) redeems(e *endpoints) bool {
	return e.Token != "" && (e.JWKS != "" || !c.profile.openID && !c.Signed())
}

// authenticates reports whether the client can authenticate: some assertions
// name the token endpoint.
func (c *Client) authenticates(e *endpoints) bool {
	assertion, ok := c.config.Authentication.(clientauth.PrivateKeyJWT)
	return e.Token != "" || !ok || !assertion.TokenEndpointAudience
}

// provider returns the provider with the endpoints that an operation needs. It
// discovers only if they are not all configured.
func (c *Client) provider(ctx context.Context, enough func(*endpoints) bool) (*provider, error) {
	if enough(&c.static.endpoints) || c.complete(&c.static.endpoints) {
		return c.static, nil
	}
	return c.metadata(ctx)
}

func (c *Client) metadata(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	old := c.discovered
	usable := old != nil && now.Sub(old.fetched) < metadataStale
	if usable && (now.Sub(old.fetched) < metadataFresh || now.Before(c.retry)) {
		return old, nil
	}
	document, err := c.fetchMetadata(ctx)
	if err != nil {
		if usable {
			c.retry = now.Add(metadataRetry)
			return old, nil
		}
		return nil, err
	}
	p, err := c.read(document)
	if err != nil {
		return nil, err
	}
	p.fetched = now
	switch {
	case p.JWKS == c.static.JWKS:
		p.keys = c.static.keys
	case old != nil && old.JWKS == p.JWKS:
		p.keys = old.keys // it has a lifetime of its own
	default:
		p.keys = c.newKeySet(p.JWKS)
	}
	c.discovered = p
	return p, nil
}

func (c *Client) newKeySet(url string) *jwt.KeySet {
	return jwt.NewKeySet(jwt.KeySetConfig{URL: url, Client: c.channel, Algorithms: c.config.Algorithms, Now: c.config.Now})
}

// fetchMetadata tries the places of the profile. The next place is for a
// provider that has no document at the first, not for one that fails.
func (c *Client) fetchMetadata(ctx context.Context) (map[string]json.RawMessage, error) {
	places := []string{c.config.MetadataURL}
	if c.config.MetadataURL == "" {
		places = nil
		for _, place := range c.profile.discovery {
			places = append(places, place.url(c.config.Issuer))
		}
	}
	if len(places) == 0 {
		return nil, &Error{Unavailable, "an endpoint is not configured, and the profile has no discovery"}
	}
	var failure error
	for _, place := range places {
		answer, err := c.channel.Get(ctx, place, "application/json")
		if err == nil {
			document, err := strictjson.Object(answer.Body)
			if err != nil {
				return nil, &Error{Unavailable, "discovery: the provider did not answer with a JSON object without duplicate names"}
			}
			return document, nil
		}
		if failure == nil {
			failure = &Error{Unavailable, "discovery: the provider " + err.Error()}
		}
		if answer.Status != http.StatusNotFound {
			break
		}
	}
	return nil, failure
}

// read makes a provider of its metadata, without keys.
func (c *Client) read(document map[string]json.RawMessage) (*provider, error) {
	// OpenID Connect Discovery section 4.3, RFC 8414 section 3.3: the issuer
	// "MUST be identical to the authorization server's issuer identifier";
	// otherwise the metadata "MUST NOT be used".
	switch issuer, ok := strictjson.String(document, "issuer"); {
	case strings.Contains(issuer, "{tenantid}"):
		return nil, &Error{Unavailable, "discovery: the metadata is for several tenants: the issuer must name one tenant"}
	case !ok || issuer != c.config.Issuer:
		return nil, &Error{Unavailable, "discovery: the metadata names another issuer than the configured one"}
	}
	var p provider
	var err1, err2 error
	p.sendsIssuer, err1 = boolean(document, "authorization_response_iss_parameter_supported")
	p.requirePAR, err2 = boolean(document, "require_pushed_authorization_requests")
	if err1 != nil || err2 != nil {
		return nil, &Error{Unavailable, "discovery: the metadata has a flag that is no boolean"}
	}
	var aliases map[string]json.RawMessage
	if c.config.Certificate != nil {
		// RFC 8705 section 5: a client that uses mutual TLS "MUST use" the aliases
		// of the endpoints that it connects to.
		aliases, _ = strictjson.Object(document["mtls_endpoint_aliases"])
		delete(aliases, "authorization_endpoint") // the browser's
		delete(aliases, "end_session_endpoint")
	}
	configured := c.configured()
	ours := configured.all()
	for i, endpoint := range p.all() {
		name := endpointNames[i]
		*endpoint = c.endpoint(document, name)
		if _, present := aliases[name]; present {
			*endpoint = c.endpoint(aliases, name)
		}
		override(endpoint, *ours[i])
	}
	// Others are optional: UserInfo by Discovery section 3 ("RECOMMENDED").
	if p.Authorize == "" || !c.redeems(&p.endpoints) {
		return nil, &Error{Unavailable, "discovery: the metadata lacks an https URL of an endpoint that is needed"}
	}
	return &p, nil
}

// endpoint returns an endpoint of the metadata, or "" if it cannot be used.
func (c *Client) endpoint(document map[string]json.RawMessage, name string) string {
	if text, ok := strictjson.String(document, name); ok && c.acceptable(text) {
		return text
	}
	return ""
}

// boolean reads a flag; it is false if it is missing or null.
func boolean(document map[string]json.RawMessage, name string) (value bool, err error) {
	if raw, present := document[name]; present {
		if err := json.Unmarshal(raw, &value); err != nil {
			return false, fmt.Errorf("oauth: expected a boolean")
		}
	}
	return value, nil
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
