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

	// CookieFormat is CookieFormatSealed (the default) or, while another
	// implementation must read the cookies or writes them, CookieFormatCurity.
	CookieFormat string

	// CookieDomain is the Domain of the cookies, such as example.com, for an API
	// that is called under several hosts of it. Every host below it gets them,
	// and may plant some of its own. Their names then begin with __Secure-.
	// Default: none, only the API's own host.
	CookieDomain string

	// CookieBasePath is the Path of the refresh token and ID token cookies: that
	// of the agent as browsers see it, such as /api/oauth-agent with the stage
	// api, or /oauth-agent behind a custom domain. Requests to protected routes
	// then do not carry them. Their names then begin with __Secure-. Default: /.
	CookieBasePath string

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

	// SessionIdleLifetime ends a session that is not refreshed for so long, and
	// SessionLifetime one that began so long ago: whole seconds, up to a year.
	// Zero: as long as the provider honours the refresh token.
	SessionIdleLifetime, SessionLifetime time.Duration

	// Logout says where signing out ends the session: "provider" (the default)
	// sends the page on to the provider's logout, "local" does not.
	Logout string

	// IDTokenHint puts the ID token into the logout URL, so that the provider
	// need not ask who signs out. The page, and whatever sees its URLs, then
	// sees the ID token.
	IDTokenHint bool

	// TokenMediation adds POST <AgentPath>/token, which gives the access token
	// to the page. Any script in the page can then take it away: it is for
	// pages that must call APIs that are not behind this API.
	TokenMediation bool

	// PhantomToken has the authorizer ask the provider about every access token.
	// Nil: it does not.
	PhantomToken *PhantomToken

	// AllowBearer also lets callers in that bring an access token of their own
	// in the Authorization header instead of a session: mobile applications,
	// other services. With neither PhantomToken nor VerifyTokens their tokens go
	// upstream unseen, and only the upstream API checks them.
	AllowBearer bool

	// VerifyTokens has the authorizer verify access tokens, which then must be
	// signed JWTs, or the JWTs that PhantomToken gets: the signature by
	// Provider.JWKSEndpoint, the issuer, Audience and expiry.
	VerifyTokens bool

	// Audience lists the audiences of which access tokens must name one. For
	// use with PhantomToken; required with VerifyTokens.
	Audience []string

	// DPoP binds access tokens to a key of the session (RFC 9449), which must be
	// supported by the provider; upstream APIs get "Authorization: DPoP …" and a
	// proof for the very request in DPoP, which they must verify: whoever takes
	// the token from them cannot use it elsewhere. All protected routes are then
	// mapped ones, made by Protect. Not with AllowBearer, PhantomToken,
	// AuthorizerCaching, TokenMediation and CookieFormatCurity. An upstream API
	// that demands a nonce cannot be served.
	DPoP bool

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

	// KeyRotation rotates the key that seals the cookies so often: whole days,
	// up to 1,000. The Lambdas then get it from Secrets Manager when they start,
	// not from their environment, and nobody is signed out: what the key before
	// sealed still opens, and it goes on sealing for ten minutes. A session that
	// is not refreshed between these and the next rotation ends. Zero: the key is
	// not rotated here.
	KeyRotation time.Duration

	// KeyRotatedElsewhere says that another region's token handler rotates the
	// key: EncryptionKeySecret, required then, is this region's replica of its
	// secret. The Lambdas get the key as with KeyRotation, which is not to be set.
	// A replica that is encrypted with a KMS key of your own is to be given with
	// it: awssecretsmanager.Secret_FromSecretAttributes has EncryptionKey.
	KeyRotatedElsewhere bool

	// Key encrypts the environment of the two Lambdas. Nil: a customer-managed
	// key with yearly rotation is made.
	Key awskms.IKey

	// Architecture of the two Lambdas. Nil: arm64.
	Architecture awslambda.Architecture

	// AuthorizerCaching lets API Gateway keep results of the authorizer. Nil:
	// every request is decided anew.
	AuthorizerCaching *AuthorizerCaching

	// CORS widens what the preflights allow.
	CORS CORS

	// Statuses of upstream APIs that come down as they are on mapped routes that
	// list none of their own: see [Route].Statuses. Nil: [DefaultStatuses].
	Statuses []int

	// Domain is the host name of the API that is made. Nil: API Gateway's own.
	Domain *Domain

	// Operation is how it runs: logs, limits, tracing, concurrency.
	Operation Operation
}

// Provider is an OpenID Provider or OAuth 2.0 server and the client registered
// there. Endpoints that are not given are discovered from the issuer when first
// used. All URLs are https (http for loopback names only) and may be tokens.
type Provider struct {
	// Profile is the kind of provider, one of the Profile constants. Default:
	// ProfileOIDC.
	Profile string

	Issuer   string
	ClientID string

	// Authentication is how the client authenticates. Default: with
	// ClientSecret.
	Authentication Authentication

	// ClientSecret holds the client's secret. Nil: a secret is made with a
	// generated value of 64 letters and digits, to be registered at the
	// provider. Where the provider chooses the secret, make it in Secrets
	// Manager beforehand and give it here: CloudFormation copies the value into
	// the Lambda when it creates the function, and not again while the
	// reference stays the same.
	ClientSecret awssecretsmanager.ISecret

	// Scope lists the scopes to ask for, separated by spaces; openid must be
	// among them, unless the profile has no ID tokens.
	Scope string

	AuthorizeEndpoint string
	TokenEndpoint     string
	UserInfoEndpoint  string
	JWKSEndpoint      string
	LogoutEndpoint    string

	RevocationEndpoint string // RFC 7009
	PAREndpoint        string // RFC 9126

	// Requests is what is asked of the provider, and how.
	Requests Requests
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
