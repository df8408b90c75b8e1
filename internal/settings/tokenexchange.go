package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// TokenExchange has the authorizer exchange access tokens (RFC 8693) for the routes
// with Route.Exchange: their upstream APIs get a token with the audience or scope of
// the route, and never the session's own. The authorizer remembers an exchanged
// token while it lives, so in the steady state a request costs no call. Each
// instance of the Lambda asks once for each access token and target.
//
// S is the type of a secret.
type TokenExchange[S any] struct {
	// URL is the token endpoint that exchanges tokens. Required with Route.Exchange.
	URL string `env:"EXCHANGE_URL" json:"exchangeUrl" lambda:"authorizer" rule:"url"`

	// ClientID is the client that may exchange tokens. Default: the provider's client.
	ClientID string `env:"EXCHANGE_CLIENT_ID" json:"exchangeClientId" lambda:"authorizer" rule:"credential"`

	// ClientSecret is the secret of ClientID, sent with client_secret_basic.
	ClientSecret S `env:"EXCHANGE_CLIENT_SECRET" json:"exchangeClientSecretName" lambda:"authorizer" rule:"credential"`
}

// Exchange is the API that a route's upstream token is for. At least one member is
// required. Providers differ in the members that they understand.
type Exchange struct {
	// Audience is the logical name of the API at the provider.
	Audience string `json:"audience"`
	// Resource is the absolute URI of the API.
	Resource string `json:"resource"`
	// Scope lists the scopes of the token, separated by single spaces.
	Scope string `json:"scope"`
}

// MarshalJSON leaves out empty members: the environment is small.
func (e Exchange) MarshalJSON() ([]byte, error) {
	members := map[string]string{"audience": e.Audience, "resource": e.Resource, "scope": e.Scope}
	maps.DeleteFunc(members, func(_, value string) bool { return value == "" })
	return json.Marshal(members)
}

// Check returns the first fault.
func (e Exchange) Check() error {
	switch {
	case e == Exchange{}:
		return errors.New("must have an audience, a resource or a scope")
	case e.Audience != "" && !isAudience(e.Audience):
		return fmt.Errorf("audience must be %s, got %.300q", rules["audience"].expects, e.Audience)
	case e.Resource != "" && !isResource(e.Resource):
		return fmt.Errorf("resource must be %s, got %.300q", rules["resource"].expects, e.Resource)
	}
	return checkScopes(e.Scope)
}

func checkScopes(list string) error {
	if list == "" {
		return nil
	}
	for scope := range strings.SplitSeq(list, " ") {
		if !IsScopeToken(scope) {
			return fmt.Errorf("scope %q must be 1 to 128 printable ASCII characters without space, quote and backslash", scope)
		}
	}
	return nil
}

// exchanges reports whether a route exchanges tokens, and demands whether one
// requires scopes or claims.
func (r Requirements) exchanges() bool {
	for _, each := range r {
		if each.Exchange != nil {
			return true
		}
	}
	return false
}

func (r Requirements) demands() bool {
	for _, each := range r {
		if each.Scope != "" || len(each.Claims) > 0 {
			return true
		}
	}
	return false
}
