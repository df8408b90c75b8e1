package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/clientauth"
)

// Login must be remembered, bound to the browser, from the authorization
// request to its response. The values are secret.
type Login struct {
	// Issuer is the issuer of the request (RFC 9700 section 4.4.2.1: clients
	// "MUST store, for each authorization request, the issuer they sent the
	// authorization request to").
	Issuer   string `json:"issuer"`
	State    string `json:"state"`
	Nonce    string `json:"nonce,omitempty"`
	Verifier string `json:"verifier"`
	// RedirectURI is that of the request; empty for the configured one.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// MaxAge and ACR are the demands of the request on the authentication.
	MaxAge *int     `json:"max_age,omitempty"`
	ACR    []string `json:"acr,omitempty"`
}

// requestLifetime is how long a signed authorization request is good for: the
// browser takes it to the provider at once.
const requestLifetime = time.Minute

// Authorize returns the URL of an authorization request and the login to
// remember. The caller must pass harmless extra parameters only, because they
// are added unchanged. An extra scope replaces the configured one, and must be
// part of it.
func (c *Client) Authorize(ctx context.Context, extra map[string]string) (string, Login, error) {
	return c.AuthorizeTo(ctx, "", extra)
}

// AuthorizeTo is Authorize with another redirect URI, which the caller must have
// checked. An empty one stands for the configured one.
func (c *Client) AuthorizeTo(ctx context.Context, redirectURI string, extra map[string]string) (string, Login, error) {
	p, err := c.authorizationServer(ctx)
	if err != nil {
		return "", Login{}, err
	}
	// Fixed parameters win over those of the page.
	asked := map[string]string{}
	maps.Copy(asked, extra)
	maps.Copy(asked, c.config.AuthorizeParameters)
	login := Login{Issuer: c.config.Issuer, State: random(), Verifier: random()}
	if redirectURI != c.config.RedirectURI {
		login.RedirectURI = redirectURI
	}
	if c.profile.openID {
		login.Nonce = random()
	}
	if err := c.rememberStepUp(&login, asked); err != nil {
		return "", Login{}, err
	}
	parameters := url.Values{}
	for name, value := range asked {
		parameters.Set(name, value)
	}
	if err := c.narrow(parameters); err != nil {
		return "", Login{}, err
	}
	challenge := sha256.Sum256([]byte(login.Verifier))
	// After the others, which cannot replace these.
	for name, value := range map[string]string{
		"response_type": "code", "client_id": c.config.ClientID, "redirect_uri": c.redirectURI(login),
		"state": login.State, "nonce": login.Nonce, "response_mode": c.config.ResponseMode,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	} {
		parameters.Del(name)
		if value != "" {
			parameters.Set(name, value)
		}
	}
	if len(c.config.Resources) > 0 {
		parameters["resource"] = c.config.Resources
	}
	authorizationURL, err := c.request(ctx, p, parameters)
	return authorizationURL, login, err
}

// redirectURI returns the redirect URI of a login. Both requests name it (RFC 6749
// section 4.1.3: "their values MUST be identical").
func (c *Client) redirectURI(login Login) string {
	if login.RedirectURI != "" {
		return login.RedirectURI
	}
	return c.config.RedirectURI
}

// authorizationServer discovers also where the authorization endpoint is
// configured: only metadata tells that requests must be pushed. A provider that
// demands it refuses others anyway, so that failing discovery stops no login.
func (c *Client) authorizationServer(ctx context.Context) (*provider, error) {
	p, err := c.provider(ctx, c.complete)
	if err != nil && c.static.Authorize != "" && (c.static.PAR != "" || !c.config.Push) {
		return c.static, nil
	}
	return p, err
}

// random returns 32 random bytes in base64url: for a code verifier "a 32-octet
// sequence" (RFC 7636 section 4.1); state and nonce must be as unguessable
// (RFC 9700 section 2.1).
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// narrow sets the scope: the requested one, as far as it is configured.
func (c *Client) narrow(parameters url.Values) error {
	if !parameters.Has("scope") {
		if c.config.Scopes != "" {
			parameters.Set("scope", c.config.Scopes)
		}
		return nil
	}
	return c.checkScope(parameters.Get("scope"))
}

// checkScope holds a scope that a page asks for to the configured one.
func (c *Client) checkScope(scope string) error {
	asked, configured := strings.Split(scope, " "), strings.Split(c.config.Scopes, " ")
	for _, s := range asked {
		if !slices.Contains(configured, s) {
			return &Error{Unacceptable, "scope: expected scopes that are configured"}
		}
	}
	if c.profile.openID && !slices.Contains(asked, "openid") {
		return &Error{Unacceptable, "scope: expected openid among the scopes"}
	}
	return nil
}

// rememberStepUp keeps the demands that the ID token must meet.
func (c *Client) rememberStepUp(login *Login, extra map[string]string) error {
	if text, asked := extra["max_age"]; asked {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 0 || strconv.Itoa(seconds) != text || !c.profile.openID {
			return &Error{Unacceptable, "max_age: expected a number of seconds, at an OpenID Provider"}
		}
		login.MaxAge = &seconds
	}
	if values, asked := extra["acr_values"]; asked && c.config.EssentialACR {
		login.ACR = strings.Fields(values)
	}
	return nil
}

// request makes the URL that the browser goes to: with all parameters, with a
// signed request object, or with the reference of a pushed request.
func (c *Client) request(ctx context.Context, p *provider, parameters url.Values) (string, error) {
	if c.config.RequestSigner != nil {
		object, err := c.signRequest(ctx, parameters)
		if err != nil {
			return "", err
		}
		// RFC 9101 section 5: "The client MAY send the parameters included in
		// the Request Object duplicated in the query parameters"; we do not.
		parameters = url.Values{"client_id": {c.config.ClientID}, "request": {object}}
	}
	if c.config.Push || p.requirePAR {
		reference, err := c.push(ctx, p, parameters)
		if err != nil {
			return "", err
		}
		parameters = url.Values{"client_id": {c.config.ClientID}, "request_uri": {reference}}
	}
	u, err := url.Parse(p.Authorize)
	if err != nil {
		return "", &Error{Unavailable, "authorization endpoint is not a URL"}
	}
	// RFC 6749 section 3.1: a query component of the endpoint "MUST be retained
	// when adding additional query parameters".
	query := u.Query()
	for name, values := range parameters {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// signRequest makes a request object (RFC 9101 section 4).
func (c *Client) signRequest(ctx context.Context, parameters url.Values) (string, error) {
	now := c.config.Now()
	claims := map[string]any{
		// Section 4: "The value of aud should be the value of the authorization
		// server's issuer identifier".
		"iss": c.config.ClientID, "aud": c.config.Issuer, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(requestLifetime).Unix(),
	}
	for name, values := range parameters {
		claims[name] = values[0]
		if len(values) > 1 {
			claims[name] = values
		}
	}
	// OpenID Connect Core section 6.1: max_age is a JSON number.
	if seconds, err := strconv.Atoi(parameters.Get("max_age")); err == nil {
		claims["max_age"] = seconds
	}
	object, err := clientauth.Sign(ctx, c.config.RequestSigner, "oauth-authz-req+jwt", claims)
	if err != nil {
		return "", &Error{Unavailable, "authorization request cannot be signed: " + err.Error()}
	}
	return object, nil
}

// CheckLogin checks that a login was begun at this provider.
func (c *Client) CheckLogin(login Login) error {
	// RFC 9700 section 4.4.2.1: "Clients MUST […] compare the issuer" it stored
	// with that of the response, "and abort" otherwise.
	if login.Issuer != c.config.Issuer {
		return &Error{WrongIssuer, "login was begun at another issuer than the configured one"}
	}
	return nil
}

// CheckIssuer checks the iss parameter of an authorization response, successful
// or not; iss is empty if the response has no such parameter.
func (c *Client) CheckIssuer(ctx context.Context, iss string) error {
	// RFC 9207 section 2.4: clients "MUST compare the result to the issuer
	// identifier of the authorization server", by simple string comparison.
	if iss != "" {
		if iss != c.config.Issuer {
			return &Error{WrongIssuer, "authorization response: iss is not the configured issuer"}
		}
		return nil
	}
	sends := c.config.SendsIssuer
	if !sends {
		p, err := c.provider(ctx, c.complete)
		if err != nil {
			return err
		}
		sends = p.sendsIssuer
	}
	// "Clients MUST reject authorization responses without the iss parameter
	// from authorization servers that do support the parameter".
	if sends {
		return &Error{WrongIssuer, "authorization response: iss is missing though the provider sends it"}
	}
	return nil
}
