package tokenhandler

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/tokenhandler/aws/internal/settings"
)

// Props configure a [TokenHandler]. Application.TrustedWebOrigins,
// Application.RedirectURI, Provider.Issuer and Provider.ClientID are required.
// The zero value of every other field is its default. URLs and the ARN of a web
// ACL may be CDK tokens. Synthesis does not check a token, only the Lambdas do
// when they start.
//
// docs/settings.md lists all fields beside the fields of cdk.json and the
// variables of the Lambdas.
type Props struct {
	// Application is the single page application.
	Application Application

	// Production marks a token handler of production. It refuses
	// Application.PreviewOrigin.
	Production bool `json:"production"`

	// Provider is the OpenID Provider or OAuth 2.0 server at which users sign in.
	Provider Provider

	// Cookies holds the names and attributes of the cookies.
	Cookies Cookies

	// Session holds how long sessions last and how they end.
	Session Session

	// Sessions records each session in a DynamoDB table.
	Sessions Sessions `json:"sessions"`

	// DeviceBinding binds sessions to the browser's device.
	DeviceBinding DeviceBinding

	// AccessTokens holds which access tokens the authorizer accepts.
	AccessTokens AccessTokens

	// PhantomToken has the authorizer ask the provider about every access token.
	PhantomToken PhantomToken

	// TokenExchange has the authorizer exchange access tokens for Route.Exchange.
	TokenExchange TokenExchange

	// AuthorizerCaching lets API Gateway cache results of the authorizer.
	AuthorizerCaching AuthorizerCaching

	// CORS extends the headers and methods that preflights allow.
	CORS CORS `json:"cors"`

	// RefusalFields are fields that the gateway adds to the JSON body of every
	// refusal, beside code, error_code and message: texts, numbers, booleans, lists
	// and objects. In texts, {code}, {message}, {status} and {requestId} stand for
	// those of the refusal. The agent's own refusals do not have them. Default: no
	// fields.
	RefusalFields map[string]any `json:"refusalFields"`

	// API is the REST API to protect. Nil: a regional one is made. A given API
	// must be in the same stack and must not set DefaultCorsPreflightOptions. It may
	// be a private one, which needs a resource policy of yours.
	API awsapigateway.RestApi

	// APIName is the name of the API that is made; not used with a given API.
	// Metrics of API Gateway have no other dimension, so it should be unique in
	// the account and region. Default: the names of the stack and the construct.
	APIName string `json:"apiName"`

	// BinaryMediaTypes are the media types of bodies that the API passes
	// unchanged, such as image/png, or */* for all; not used with a given API.
	// API Gateway decodes all other bodies as text, which destroys binary ones.
	// For requests the type is that of Content-Type. For responses API Gateway
	// also compares the first type of Accept. With binary media types
	// Route.RequestSchema is refused.
	BinaryMediaTypes []string `json:"binaryMediaTypes"`

	// DualStack makes the API that is made, and its Domain, reachable by IPv6 and
	// IPv4. Default: IPv4 only.
	DualStack bool `json:"dualStack"`

	// StageName is the stage of the API that is made; not used with a given API.
	StageName string `json:"stageName" default:"api"`

	// CookieKeySecret is the secret with the key that seals the cookies, 64
	// hexadecimal characters. Default: a secret is made and its value generated.
	CookieKeySecret awssecretsmanager.ISecret `json:"cookieKeySecretName"`

	// CookieKeyRotation is how often the key that seals the cookies is rotated:
	// whole days, up to 1,000. The Lambdas then read it from Secrets Manager when
	// they start, instead of having it in their environment. Users stay signed in:
	// cookies sealed with the previous key still open, and that key keeps sealing
	// for ten minutes. A session that is not refreshed between these minutes and
	// the next rotation ends. Default: this construct does not rotate the key.
	CookieKeyRotation time.Duration `json:"cookieKeyRotation"`

	// CookieKeyRotatedElsewhere says that the token handler of another region
	// rotates the key. CookieKeySecret is then required: this region's replica of
	// the secret. It cannot be combined with CookieKeyRotation. A replica that is
	// encrypted with a KMS key of your own must be given with that key:
	// awssecretsmanager.Secret_FromSecretAttributes has EncryptionKey.
	CookieKeyRotatedElsewhere bool `json:"cookieKeyRotatedElsewhere"`

	// KMSKey encrypts the environment of the two Lambdas. Default: a
	// customer-managed key with yearly rotation is made.
	KMSKey awskms.IKey `json:"kmsKey"`

	// Architecture of the two Lambdas: arm64 or x86_64. Default: arm64.
	Architecture awslambda.Architecture `json:"architecture"`

	// Statuses are the statuses of upstream APIs that mapped routes pass on
	// unchanged, unless the route lists its own: see [Route].Statuses. Nil:
	// [DefaultStatuses].
	Statuses []int `json:"statuses"`

	// Network is how the two Lambdas reach the provider.
	Network Network `json:"network"`

	// Domain is the host name of the API that is made. Nil: API Gateway's own.
	Domain *Domain `json:"domain"`

	// Operation is how the token handler runs: logs, limits, tracing, concurrency.
	Operation Operation `json:"operation"`
}

// The groups of [Props] that the Lambdas share. Package internal/settings
// documents their fields, docs/settings.md lists them.
type (
	// Application is the single page application.
	Application = settings.Application
	// Provider is an OpenID Provider or OAuth 2.0 server, and the client
	// registered there.
	Provider = settings.Provider[awssecretsmanager.ISecret, awskms.IKey]
	// Authentication is how the client authenticates at its provider.
	Authentication = settings.Authentication[awssecretsmanager.ISecret, awskms.IKey]
	// Requests are the properties of authorization requests.
	Requests = settings.Requests
	// Cookies holds the names and attributes of the cookies.
	Cookies = settings.Cookies
	// Session holds how long sessions last and how they end.
	Session = settings.Session
	// DeviceBinding binds sessions to the browser's device.
	DeviceBinding = settings.DeviceBinding
	// AccessTokens holds which access tokens the authorizer accepts.
	AccessTokens = settings.AccessTokens
	// PhantomToken has the authorizer ask the provider about every access token.
	PhantomToken = settings.PhantomToken[awssecretsmanager.ISecret]
	// TokenExchange has the authorizer exchange access tokens for single routes.
	TokenExchange = settings.TokenExchange[awssecretsmanager.ISecret]
	// Exchange is the API that the token of a route is exchanged for.
	Exchange = settings.Exchange
	// AuthorizerCaching lets API Gateway cache results of the authorizer.
	AuthorizerCaching = settings.AuthorizerCaching
	// Dialect is how clients prove that a request is not cross-site.
	Dialect = settings.Dialect
)

// Values of Provider.Profile.
const (
	// ProfileOIDC is any OpenID Provider.
	ProfileOIDC = settings.ProfileOIDC
	// ProfileCognito is an Amazon Cognito user pool.
	ProfileCognito = settings.ProfileCognito
	// ProfileGitHub is GitHub, for OAuth apps.
	ProfileGitHub = settings.ProfileGitHub
	// ProfileOAuth2 is any other OAuth 2.0 server, without ID tokens.
	ProfileOAuth2 = settings.ProfileOAuth2
)

// Values of Authentication.Method.
const (
	ClientSecretBasic = settings.ClientSecretBasic
	ClientSecretPost  = settings.ClientSecretPost
	PrivateKeyJWT     = settings.PrivateKeyJWT
	TLSClientAuth     = settings.TLSClientAuth
)

// Values of Cookies.Format.
const (
	CookieFormatSealed = settings.FormatSealed
	CookieFormatCurity = settings.FormatCurity
)

// Values of PhantomToken.MediaType.
const (
	IntrospectionJWT    = settings.MediaTypeJWT
	IntrospectionSigned = settings.MediaTypeSigned
	IntrospectionJSON   = settings.MediaTypeJSON
)

// Values of AuthorizerCaching.Dialect.
const (
	AssistantDialect = settings.DialectAssistant
	ClassicDialect   = settings.DialectClassic
)

// None is a duration that switches a setting off if the zero value means the
// default, as in PhantomToken.MaxAge.
const None = settings.None

// CORS extends the rights of pages on a trusted origin. There are no wildcards:
// with credentials, browsers take "*" literally (Fetch standard, "CORS protocol
// and credentials").
type CORS struct {
	// AllowMethods replaces, in every preflight, the methods of the resource.
	AllowMethods []string `json:"allowMethods"`

	// AllowHeaders are allowed besides content-type, accept,
	// token-handler-version, the CSRF header and those a route forwards.
	AllowHeaders []string `json:"allowHeaders"`

	// ExposeHeaders are exposed on protected routes besides ETag, Location,
	// Retry-After and those a route adds.
	ExposeHeaders []string `json:"exposeHeaders"`

	// MaxAge is how long a browser may keep the response to a preflight, in
	// whole seconds.
	MaxAge time.Duration `json:"maxAge" default:"10m"`
}
