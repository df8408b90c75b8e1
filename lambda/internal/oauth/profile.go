package oauth

// profile describes the differences of a kind of provider. They are data: the
// code asks for a property, never for a name.
type profile struct {
	// openID: ID tokens are issued, and demanded. Without it there is no
	// openid scope, no nonce and no ID token.
	openID bool
	// discovery lists the places of the metadata, in the order of trying.
	discovery []wellKnown
	// endpoints are those of a provider that publishes no metadata.
	endpoints endpoints
	// plainAnswers: the token endpoint may answer a form instead of JSON, send
	// and its errors with status 200.
	plainAnswers bool
	// untyped: a token response without token_type is one with a bearer token.
	untyped bool
	// errorCodes maps codes of the provider's own to those of RFC 6749.
	errorCodes map[string]string
	// userInfoAccept is the media type to ask the user endpoint for.
	userInfoAccept string
	// subjectClaim names the user in the answer of the user endpoint.
	subjectClaim string
	// logoutReturn is the parameter that carries the page to return to after
	// the logout at the provider.
	logoutReturn string
	// logoutPath is where the logout endpoint is beside the authorization
	// endpoint, if it is not known otherwise.
	logoutPath string
}

// wellKnown is a place of metadata.
type wellKnown int

const (
	// openIDConfiguration: "by concatenating the string
	// /.well-known/openid-configuration to the Issuer" (OpenID Connect
	// Discovery section 4).
	openIDConfiguration wellKnown = iota
	// authorizationServer: between the issuer's host and path (RFC 8414
	// section 3.1).
	authorizationServer
)

// DefaultProfile is that of a generic OpenID Provider.
const DefaultProfile = "oidc"

var profiles = map[string]profile{
	"oidc": {
		openID: true, discovery: []wellKnown{openIDConfiguration, authorizationServer},
		subjectClaim: "sub", logoutReturn: "post_logout_redirect_uri",
	},
	// Amazon Cognito Developer Guide, "The managed login sign-out endpoint":
	// GET /logout?client_id=…&logout_uri=….
	"cognito": {
		openID: true, discovery: []wellKnown{openIDConfiguration},
		subjectClaim: "sub", logoutReturn: "logout_uri", logoutPath: "/logout",
	},
	// GitHub Docs, "Authorizing OAuth apps" and "Troubleshooting OAuth app
	// access token request errors".
	"github": {
		endpoints: endpoints{
			Authorize: "https://github.com/login/oauth/authorize",
			Token:     "https://github.com/login/oauth/access_token",
			UserInfo:  "https://api.github.com/user",
		},
		plainAnswers: true,
		errorCodes: map[string]string{
			"bad_verification_code": "invalid_grant", "bad_refresh_token": "invalid_grant",
			"incorrect_client_credentials": "invalid_client", "redirect_uri_mismatch": "invalid_request",
			"unverified_user_email": "invalid_grant",
		},
		userInfoAccept: "application/vnd.github+json", subjectClaim: "id",
	},
	"oauth2": {
		discovery: []wellKnown{authorizationServer, openIDConfiguration}, plainAnswers: true, untyped: true,
		subjectClaim: "sub", logoutReturn: "post_logout_redirect_uri",
	},
}
