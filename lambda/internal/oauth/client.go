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
// an hour; a failed discovery is tried again at the next use. Key sets are
// kept for an hour and fetched again for a key id that is not in them. [New]
// does no network call.
//
// # Errors
//
// Errors are of type [*Error]. Their text is made of constants, status codes
// and registered error codes only: nothing that a provider or a browser sent
// can reach a log through them.
//
// # What is not done
//
// Nothing is encrypted (JWE).
package oauth

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/clientauth"
)

// Config is what the client must know.
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

	// Profile is oidc, cognito, github or oauth2; empty stands for oidc.
	Profile string

	// Each endpoint overrides the discovered one. With the first four, or with
	// those of them that the profile needs, there is no discovery.
	AuthorizeEndpoint, TokenEndpoint, UserInfoEndpoint, JWKSEndpoint string
	LogoutEndpoint, RevocationEndpoint, PAREndpoint                  string

	// Push sends authorization requests to the provider directly. It is also
	// done where the metadata demands it.
	Push bool
	// RequestSigner signs authorization requests. Nil: they are not signed.
	RequestSigner clientauth.Signer
	// ResponseMode is jwt or query.jwt for signed authorization responses,
	// without which none is accepted then; empty for the provider's default.
	ResponseMode string
	// Resources are the APIs that access tokens are for (RFC 8707).
	Resources []string
	// EssentialACR refuses ID tokens whose acr is none of the acr_values that
	// the login asked for.
	EssentialACR bool

	// DPoP binds tokens to a key of the session (RFC 9449). Tokens that this
	// client returns and takes are then in the bound form of package dpop. Tokens
	// of sessions from before, and from after it is off again, are bound, or
	// not, by their next refresh.
	DPoP bool

	// Certificate is shown to the provider where it asks for one.
	Certificate *tls.Certificate

	// Transport carries the requests to the provider. Nil stands for one with
	// a connect timeout of 2 s. With Certificate it is an *http.Transport.
	Transport http.RoundTripper
	// Now is the clock. Nil stands for time.Now.
	Now func() time.Time
}

// Client is safe for use by several goroutines.
type Client struct {
	config    Config
	profile   profile
	http      *http.Client // every request
	documents *http.Client // metadata and key sets

	mu       sync.Mutex
	provider *provider // nil until it is known

	nonces nonces // that servers demanded of proofs
}

// New returns a client. It does no network call. It panics on a profile that
// does not exist, and on a certificate without a transport to show it.
func New(config Config) *Client {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Transport == nil {
		config.Transport = newTransport()
	}
	if config.Certificate != nil {
		t := config.Transport.(*http.Transport).Clone()
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{}
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{*config.Certificate}
		config.Transport = t
	}
	if config.Profile == "" {
		config.Profile = DefaultProfile
	}
	if config.Authentication == nil {
		config.Authentication = clientauth.Basic{Secret: config.ClientSecret}
	}
	c := &Client{config: config}
	var known bool
	if c.profile, known = profiles[config.Profile]; !known {
		panic(fmt.Sprintf("oauth: profile %q does not exist", config.Profile))
	}
	c.http = newHTTPClient(bounded{config.Transport})
	c.documents = newHTTPClient(documents{bounded{config.Transport}})
	if e := c.configured(); c.complete(e) {
		c.provider = c.newProvider(e)
	}
	return c
}

// OpenID reports whether the provider issues ID tokens. Without them a session
// has none, and the user is who the access token is for.
func (c *Client) OpenID() bool { return c.profile.openID }

// Signed reports whether authorization responses are signed: then no other is
// accepted.
func (c *Client) Signed() bool { return c.config.ResponseMode != "" }
