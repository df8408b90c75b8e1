// Package oauth is the OAuth 2.0 and OpenID Connect client of the agent: a
// confidential client of one provider.
//
// It does the authorization code grant with PKCE (S256), state and, with
// OpenID Connect, nonce; the refresh token grant, UserInfo, revocation and the
// URL of RP-initiated logout. ID tokens are always verified. Authorization
// requests go in the query, pushed (RFC 9126), signed (RFC 9101) or both;
// responses come in the query or signed (JARM).
//
// Endpoints that are not configured are discovered at first use and kept for
// an hour, or for a day while discovery fails. Package jwt keeps the key set.
// [New] does no network call.
//
// # Errors
//
// Errors are of type [*Error]. Their text is made of constants, status codes
// and registered error codes only: no text of a provider or a browser reaches
// a log through them.
//
// # Not done
//
// No encryption (JWE).
package oauth

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/backchannel"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
)

// Config of a [Client].
type Config struct {
	// Issuer is compared exactly, in metadata, responses and ID tokens.
	Issuer   string
	ClientID string
	// ClientSecret makes client_secret_basic the authentication, unless there
	// is an Authentication.
	ClientSecret   settings.Secret
	Authentication clientauth.Method
	// Scopes are separated by spaces; with OpenID Connect they contain openid.
	Scopes                string
	RedirectURI           string
	PostLogoutRedirectURI string // optional

	// Profile is oidc, cognito, github or oauth2; empty means oidc.
	Profile string

	// MetadataURL is where the metadata is, if it is not at the well-known place
	// of the issuer.
	MetadataURL string
	// Each endpoint overrides the discovered one. With the first four, or with
	// those of them that the profile needs, there is no discovery.
	AuthorizeEndpoint, TokenEndpoint, UserInfoEndpoint, JWKSEndpoint string
	LogoutEndpoint, RevocationEndpoint, PAREndpoint                  string

	// SendsIssuer: the provider sends iss in every authorization response (RFC
	// 9207), so that one without it is refused. Metadata may say the same.
	SendsIssuer bool
	// AuthorizeParameters are added to every authorization request. A page cannot
	// change them, and they cannot change the parameters of the protocol.
	AuthorizeParameters map[string]string
	// Algorithms are the accepted signature algorithms of the provider; empty
	// means all that package jwt knows.
	Algorithms []string

	// Push sends authorization requests to the provider directly. It is also
	// done where the metadata demands it.
	Push bool
	// RequestSigner signs authorization requests. Nil: they are not signed.
	RequestSigner clientauth.Signer
	// ResponseMode is jwt or query.jwt for signed authorization responses; then
	// no others are accepted. Empty is the provider's default.
	ResponseMode string
	// Resources are the APIs that access tokens are for (RFC 8707).
	Resources []string
	// EssentialACR refuses ID tokens whose acr is not among the acr_values that
	// the login asked for.
	EssentialACR bool

	// DPoP binds tokens to a key of the session (RFC 9449). Tokens that this
	// client returns and takes are then in the bound form of package dpop. Tokens
	// of sessions from before, and from after it is off again, are bound, or
	// not, by their next refresh.
	DPoP bool

	// Certificate is shown to the provider where it asks for one.
	Certificate *tls.Certificate

	// CABundle are certificates in PEM form of authorities that are trusted besides
	// the system's.
	CABundle string

	// Transport replaces that of package backchannel. For tests.
	Transport http.RoundTripper
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// timeout bounds a call to the provider.
const timeout = 5 * time.Second

// Client is safe for use by several goroutines.
type Client struct {
	config  Config
	profile profile
	channel *backchannel.Client
	static  *provider // the configured endpoints

	mu         sync.Mutex // held while discovering, so that a burst makes one call
	discovered *provider  // nil until it is known
	retry      time.Time  // no discovery before

	nonces nonces // that servers demanded of proofs
}

// New returns a client. It does no network call. It panics on an unknown
// profile.
func New(config Config) *Client {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Profile == "" {
		config.Profile = DefaultProfile
	}
	if config.Authentication == nil {
		config.Authentication = clientauth.Basic{Secret: config.ClientSecret}
	}
	profile, known := profiles[config.Profile]
	if !known {
		panic(fmt.Sprintf("oauth: profile %q does not exist", config.Profile))
	}
	c := &Client{config: config, profile: profile, channel: backchannel.New(backchannel.Config{
		Timeout: timeout, Certificate: config.Certificate, CABundle: config.CABundle, Transport: config.Transport,
	})}
	c.static = &provider{endpoints: c.configured()}
	c.static.keys = c.newKeySet(c.static.JWKS)
	return c
}

// OpenID reports whether the provider issues ID tokens. Without them the user
// is the one that the access token is for.
func (c *Client) OpenID() bool { return c.profile.openID }

// Signed reports whether authorization responses are signed: then no other is
// accepted.
func (c *Client) Signed() bool { return c.config.ResponseMode != "" }
