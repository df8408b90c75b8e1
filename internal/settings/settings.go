// Package settings is the one definition of every setting of a token handler.
//
// A setting is a field of a group: [Cookies], [Session], [Provider] and so on.
// Its tags carry the three names it is known by, and its rule:
//
//		// EssentialACR fails a login unless its acr is one that the page requested.
//		EssentialACR bool `env:"ESSENTIAL_ACR" json:"essentialAcr"`
//
//	  - the Go name, by which the construct's properties have it
//	    (Props.Provider.Requests.EssentialACR);
//	  - json: the field of a stage in cdk.json;
//	  - env: the environment variable of the Lambdas.
//
// The properties of the construct (package tokenhandler) consist of the same
// groups. [Copy] fills one struct from another, [Variables] writes the
// environment, and [Load] reads it. Other packages must not spell the name of a
// variable.
//
// # Adding a setting
//
//  1. Add a field with its comment and tags to the group it belongs to. The
//     construct, the stages, the environment and docs/settings.md follow:
//     go test ./infra -run TestSettingsDocument -update writes the latter.
//  2. If it cannot be combined with others, or requires them, say so in check.go.
//  3. Use it.
//
// A new group is also a field of [Agent], [Authorizer] or [Shared], and of
// tokenhandler.Props under the same name. Settings that no Lambda needs belong
// to the construct, in tokenhandler.Props and the structs below it, with a json
// tag only.
//
// # Tags
//
//	env       variable of the Lambdas; ",always" writes the default too
//	json      field of a stage. A group without the tag is flattened
//	lambda    agent or authorizer: only this one gets the variable
//	rule      name of a rule in rules.go
//	default   value that the empty value stands for, as the variable has it
//	required  true: the variable must be set
//	unit      seconds: the variable is a number of seconds, not 30m
//	prop      field of the construct, where it is not the one of the same path
//	words     the variable's two words for false and true, "issuer,token_endpoint"
//
// The empty value of a setting always means its default. A negative
// [time.Duration] switches a setting off whose default is on.
//
// # Faults
//
// Wrong settings are reported as [Faults], which name a setting by its field.
// Each layer prints them in its own names: the Lambdas the variables, the
// construct the properties, the app the fields of the stage. The Lambdas never
// show values.
package settings

import "strings"

// Shared holds the settings of both Lambdas.
type Shared struct {
	Application   Application
	Cookies       Cookies
	AccessTokens  AccessTokens
	CookieKey     CookieKey
	DeviceBinding DeviceBinding
	Sessions      Sessions  `json:"sessions"`
	Operation     Operation `json:"operation"`
	Network       Network   `json:"network"`
}

// Agent holds the settings of the OAuth agent Lambda.
type Agent struct {
	Shared
	Session  Session
	Provider Provider[Secret, string]
}

// Authorizer holds the settings of the OAuth proxy Lambda.
type Authorizer struct {
	Shared
	PhantomToken      PhantomToken[Secret]
	TokenExchange     TokenExchange[Secret]
	Provider          TokenIssuer
	AuthorizerCaching AuthorizerCaching

	// Deployment is the deployment that cookies are sealed for: the issuer, a
	// space and the client id of the agent. A cookie of another deployment does
	// not open, even with the same key.
	Deployment string `env:"DEPLOYMENT" rule:"deployment" required:"true"`

	// RouteRequirements are the scopes and claims that routes require of the
	// access token, and the APIs that they exchange it for, as JSON:
	// {"GET /orders":{"scope":"orders.read","exchange":{"audience":"orders"}}}.
	RouteRequirements Requirements `env:"ROUTE_REQUIREMENTS" json:"routes.scopes" prop:"Route.Scopes" rule:"requirements"`
	// Upstreams are the URLs that routes lead to, as JSON:
	// {"GET /orders/{id}":"https://orders.internal.example/v1/orders/{id}"}.
	// Required with DPOP, whose proofs name these URLs.
	Upstreams Upstreams `env:"UPSTREAMS" json:"routes.upstream" prop:"Route.Upstream" rule:"upstreams"`
}

// CookieKey is the key that seals the cookies. One of its two forms is required.
type CookieKey struct {
	// Key is the key itself: 64 hexadecimal characters (32 bytes).
	Key Secret `env:"ENCRYPTION_KEY" rule:"key"`
	// SecretARN is a secret in Secrets Manager to read the key from at start.
	// Its versions AWSCURRENT and AWSPREVIOUS open cookies. AWSPREVIOUS seals
	// until AWSCURRENT is ten minutes old.
	SecretARN string `env:"ENCRYPTION_KEY_SECRET_ARN" rule:"secretarn"`
}

// Operation holds the operational settings that reach the Lambdas.
type Operation struct {
	// Metrics is emf or none: whether decisions, requests and latencies are
	// written to the log in the CloudWatch embedded metric format, from which
	// CloudWatch makes metrics.
	Metrics string `env:"METRICS" json:"metrics" rule:"metrics" default:"emf"`
}

// Network is how the Lambdas reach the provider.
type Network struct {
	// CABundle are certificates in PEM form that the Lambdas trust besides the
	// usual authorities when they call the provider: those of a private authority.
	CABundle string `env:"CA_BUNDLE" json:"caBundle" rule:"certificates"`
}

// Values of Operation.Metrics.
const (
	MetricsEMF  = "emf"
	MetricsNone = "none"
)

// CSRFHeaderName returns the request header of the double submit.
func (s Shared) CSRFHeaderName() string { return s.Cookies.CSRFHeaderName() }

// DeploymentOf returns the Deployment of an agent.
func DeploymentOf(issuer, clientID string) string { return issuer + " " + clientID }

func isDeployment(s string) bool {
	issuer, clientID, ok := strings.Cut(s, " ")
	return ok && isIssuer(issuer) && isCredential(clientID)
}
