package tokenhandler

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// Defaults of [Props].
const (
	DefaultAgentPath        = "/oauth-agent"
	DefaultCookieNamePrefix = "th"
	DefaultScope            = "openid"
	DefaultStageName        = "api"
	DefaultMaxAge           = 10 * time.Minute
)

// Props configure a [TokenHandler]. TrustedWebOrigins, Provider.Issuer,
// Provider.ClientID and RedirectURI are required; of everything else the zero
// value is the default. Strings may be CDK tokens where that is said; a token
// is not checked at synthesis, only by the Lambdas when they start.
type Props struct {
	// TrustedWebOrigins are the origins of the single page applications,
	// exactly as browsers send them: https (http for loopback names only),
	// lower case, no path, no wildcard.
	TrustedWebOrigins []string

	// CookieNamePrefix names the cookies __Host-<prefix>-at, -auth, -id, -csrf
	// and -login-<n>: 1 to 32 letters, digits, '-' or '_'.
	CookieNamePrefix string

	// CSRFHeader is the request header of the double submit. Default:
	// x-<prefix>-csrf.
	CSRFHeader string

	// Provider is the OpenID Provider the users sign in at.
	Provider Provider

	// RedirectURI is the page of the single page application the provider
	// returns to, on one of the trusted origins. It must be registered at the
	// provider. May be a token.
	RedirectURI string

	// PostLogoutRedirectURI is the page the provider returns to after
	// sign-out. It must be registered at the provider. May be a token.
	PostLogoutRedirectURI string

	// API is the REST API to protect. Nil: a regional one is made. A given API
	// must be in the same stack and must not set DefaultCorsPreflightOptions.
	API awsapigateway.RestApi

	// StageName is the stage of the API that is made; not used with a given API.
	StageName string

	// AgentPath is the path of the agent's endpoints, such as /oauth-agent.
	AgentPath string

	// EncryptionKeySecret holds the key that seals the cookies, 64 hexadecimal
	// characters. Nil: a secret is made and its value generated.
	EncryptionKeySecret awssecretsmanager.ISecret

	// Key encrypts the environment of the two Lambdas. Nil: a customer-managed
	// key with yearly rotation is made.
	Key awskms.IKey

	// Architecture of the two Lambdas. Nil: arm64.
	Architecture awslambda.Architecture

	// CORS widens what the preflights allow.
	CORS CORS
}

// Provider is an OpenID Provider and the client registered there. Endpoints
// that are not given are discovered from the issuer when first used. All URLs
// are https (http for loopback names only) and may be tokens.
type Provider struct {
	Issuer   string
	ClientID string

	// ClientSecret holds the client's secret. Nil: a secret is made with a
	// generated value of 64 letters and digits, to be registered at the
	// provider. Where the provider chooses the secret, make it in Secrets
	// Manager beforehand and give it here: CloudFormation copies the value into
	// the Lambda when it creates the function, and not again while the
	// reference stays the same.
	ClientSecret awssecretsmanager.ISecret

	// Scope lists the scopes to ask for, separated by spaces; openid must be
	// among them.
	Scope string

	AuthorizeEndpoint string
	TokenEndpoint     string
	UserInfoEndpoint  string
	JWKSEndpoint      string
	LogoutEndpoint    string
}

// CORS widens what browsers on a trusted origin may do. There are no
// wildcards: with credentials, browsers take "*" literally (Fetch standard,
// "CORS protocol and credentials").
type CORS struct {
	// AllowMethods replaces, in every preflight, the methods of the resource.
	AllowMethods []string

	// AllowHeaders are allowed besides content-type, accept,
	// token-handler-version, the CSRF header and those a route forwards.
	AllowHeaders []string

	// ExposeHeaders are exposed on protected routes besides ETag, Location,
	// Retry-After and those a route adds.
	ExposeHeaders []string

	// MaxAge is how long a browser may keep the answer to a preflight, in
	// whole seconds.
	MaxAge time.Duration
}
