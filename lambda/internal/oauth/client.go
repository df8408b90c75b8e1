// Package oauth is the OAuth 2.0 and OpenID Connect client of the agent: a
// confidential client of one OpenID Provider.
//
// It does the authorization code grant with PKCE (S256), state and nonce, the
// refresh token grant, UserInfo and RP-initiated logout. ID tokens are always
// verified. The client authenticates with client_secret_basic.
//
// Endpoints that are not configured are discovered at first use and kept; a
// failed discovery is tried again at the next use. [New] does no network call.
//
// # Errors
//
// Errors are of type [*Error]. Their text is made of constants, status codes
// and registered error codes only: nothing that a provider or a browser sent
// can reach a log through them.
//
// # What is not done
//
// There is no pushed or signed request, no JARM, no JWT UserInfo, and no
// revocation. Providers that issue no ID token are not supported.
package oauth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tokenhandler/aws/internal/settings"
)

// Config is what the client must know.
type Config struct {
	// Issuer is compared exactly, in metadata, responses and ID tokens.
	Issuer       string
	ClientID     string
	ClientSecret settings.Secret
	// Scopes are separated by spaces and contain openid.
	Scopes                string
	RedirectURI           string
	PostLogoutRedirectURI string // optional

	// Each endpoint overrides the discovered one. With the first four there
	// is no discovery.
	AuthorizeEndpoint, TokenEndpoint, UserInfoEndpoint, JWKSEndpoint string
	LogoutEndpoint                                                   string

	// Transport carries the requests to the provider. Nil stands for one with
	// a connect timeout of 2 s.
	Transport http.RoundTripper
	// Now is the clock. Nil stands for time.Now.
	Now func() time.Time
}

// Client is safe for use by several goroutines.
type Client struct {
	config    Config
	http      *http.Client // every request
	documents *http.Client // metadata and key sets

	mu       sync.Mutex
	provider *provider // nil until it is known
}

// New returns a client. It does no network call.
func New(config Config) *Client {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Transport == nil {
		config.Transport = newTransport()
	}
	c := &Client{config: config}
	c.http = newHTTPClient(transport{config.Transport})
	c.documents = newHTTPClient(documents{transport{config.Transport}})
	if e := c.configured(); e.complete() {
		c.provider = c.newProvider(e)
	}
	return c
}

// Login is what must be remembered, bound to the browser, from the
// authorization request to its response. The values are secret.
type Login struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Authorize returns the URL of an authorization request and what to remember
// of it. The extra parameters are added as they are: the caller lets only
// harmless ones through.
func (c *Client) Authorize(ctx context.Context, extra map[string]string) (string, Login, error) {
	p, err := c.metadata(ctx)
	if err != nil {
		return "", Login{}, err
	}
	// RFC 7636 section 4.1: "a 32-octet sequence" of random, base64url-encoded;
	// state and nonce are made likewise (RFC 9700 section 2.1: transaction-specific).
	login := Login{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(login.Verifier), oidc.Nonce(login.Nonce)}
	for name, value := range extra {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return c.grants(p).AuthCodeURL(login.State, options...), login, nil
}

// CheckIssuer checks the iss parameter of an authorization response, successful
// or not; iss is empty where the response has none.
func (c *Client) CheckIssuer(ctx context.Context, iss string) error {
	// RFC 9207 section 2.4: clients "MUST compare the result to the issuer
	// identifier of the authorization server", by simple string comparison.
	if iss != "" {
		if iss != c.config.Issuer {
			return &Error{WrongIssuer, "authorization response: iss is not the configured issuer"}
		}
		return nil
	}
	p, err := c.metadata(ctx)
	if err != nil {
		return err
	}
	// "Clients MUST reject authorization responses without the iss parameter
	// from authorization servers that do support the parameter".
	if p.sendsIssuer {
		return &Error{WrongIssuer, "authorization response: iss is missing though the provider sends it"}
	}
	return nil
}
