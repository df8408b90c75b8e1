package tokenhandler

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/bundle"
	"github.com/tokenhandler/aws/internal/preview"
	"github.com/tokenhandler/aws/internal/settings"
)

// misuse panics: a CDK construct has no other way to refuse its properties.
func misuse(format string, args ...any) {
	panic(fmt.Errorf("tokenhandler: "+format, args...))
}

// misuse panics with a fault of a field of the route. Arguments that are settings
// become their names, as the reader spells them.
func (r *Route) misuse(field any, format string, args ...any) {
	fault := settings.Fault{Setting: r.setting(field)}
	for i, arg := range args {
		switch arg := arg.(type) {
		case settings.Setting:
			fault.Others = append(fault.Others, arg)
			args[i] = "%s"
		case string:
			args[i] = strings.ReplaceAll(arg, "%", "%%")
		}
	}
	fault.Problem = fmt.Sprintf(format, args...)
	if len(fault.Others) == 0 {
		fault.Problem = strings.ReplaceAll(fault.Problem, "%%", "%")
	}
	refuse(settings.Faults{fault})
}

func (r *Route) setting(field any) settings.Setting { return settings.SettingOf(r, field) }

// refuse panics with faults, if there are any, in the names of the properties.
// The error wraps the faults, so that the app can print them in its own names.
func refuse(faults settings.Faults) {
	if len(faults) > 0 {
		panic(fmt.Errorf("tokenhandler: %w", propsFaults(faults)))
	}
}

// propsFaults are faults in the names of the properties.
type propsFaults settings.Faults

func (f propsFaults) Error() string { return settings.Faults(f).In(propsName) }
func (f propsFaults) Unwrap() error { return settings.Faults(f) }

// propsName names a setting as a property: Props.Cookies.Domain. The
// environments of the Lambdas are made of the groups of Props.
func propsName(s settings.Setting) string {
	switch root := s.Root(); {
	case s.Tag("prop") != "":
		return s.Tag("prop")
	case root == "Agent" || root == "Authorizer" || root == "Shared":
		return "Props." + s.GoName()
	default:
		return root + "." + s.GoName()
	}
}

// newChecker returns a checker of a struct of properties.
func newChecker(root any) *settings.Checker {
	c := settings.NewChecker(root)
	c.Opaque, c.ShowValues = isToken, true
	return c
}

// checked returns a copy of props with the defaults filled in, or panics with
// everything that is wrong.
func checked(props *Props) Props {
	if props == nil {
		misuse("Props is missing: Application.TrustedWebOrigins, Application.RedirectURI, Provider.Issuer and Provider.ClientID are required")
	}
	p := *props
	if p.Domain != nil {
		domain := *p.Domain
		p.Domain = &domain
	}
	settings.SetDefaults(&p)
	if p.Architecture == nil {
		p.Architecture = awslambda.Architecture_ARM_64()
	}
	if p.AuthorizerCaching.TTL != 0 && p.AuthorizerCaching.Dialect == "" {
		p.AuthorizerCaching.Dialect = AssistantDialect
	}
	if p.Domain != nil && slices.Contains(p.Application.TrustedWebOrigins, "https://"+p.Domain.Name) {
		p.Application.SameOriginReads = true
	}
	c := newChecker(&p)
	checkEnvironments(c, &p)
	checkOrigins(c, &p)
	checkAPI(c, &p)
	checkCORS(c, &p)
	fault := refusalFieldsFault(p.RefusalFields)
	c.Refuse(fault != "", &p.RefusalFields, fault)
	checkDomain(c, &p)
	checkNetwork(c, &p)
	checkCookieKey(c, &p)
	checkSecretNames(c, &p)
	checkSessions(c, &p)
	checkOperation(c, &p)
	checkStatuses(c, p.Statuses, "")
	refuse(c.Faults())
	return p
}

// checkEnvironments checks the settings of the two Lambdas. At synthesis a secret
// is given or not. Only the agent sees its value, when it starts.
func checkEnvironments(c *settings.Checker, p *Props) {
	agent, authorizer := agentSettings(p, placeholder), authorizerSettings(p, placeholder)
	if agent.Provider.NeedsSecret() && agent.Provider.ClientSecret == "" {
		agent.Provider.ClientSecret = "made"
	}
	if p.PhantomToken.Enabled && authorizer.PhantomToken.ClientSecret == "" {
		authorizer.PhantomToken.ClientSecret = "made"
	}
	exchange := &p.TokenExchange
	exchangesAsProvider := exchange.URL != "" && exchange.ClientID == ""
	if exchangesAsProvider {
		authorizer.TokenExchange.ClientSecret = "made"
	}
	c.Refuse(exchangesAsProvider && exchange.ClientSecret != nil, &exchange.ClientID, "is required with %s", &exchange.ClientSecret)
	c.Refuse(exchangesAsProvider && !p.Provider.NeedsSecret(), &exchange.ClientID, "is required with %s "+p.Provider.AuthenticationMethod()+": the provider's client has no secret to exchange tokens with", &p.Provider.Authentication.Method)
	jwks, phantom := &p.Provider.JWKSEndpoint, &p.PhantomToken
	c.Refuse(p.AccessTokens.VerifyTokens && *jwks == "", jwks, "is required with %s: the authorizer does not discover endpoints", &p.AccessTokens.VerifyTokens)
	ofProvider := phantom.Enabled && phantom.ClientID == ""
	c.Refuse(ofProvider && phantom.ClientSecret != nil, &phantom.ClientID, "is required with %s", &phantom.ClientSecret)
	c.Refuse(ofProvider && !p.Provider.NeedsSecret(), &phantom.ClientID, "is required with %s "+p.Provider.AuthenticationMethod()+": the provider's client has no secret to introspect with", &p.Provider.Authentication.Method)
	faults := settings.Check(agent, isToken)
	if len(faults)+len(c.Faults()) == 0 {
		faults = settings.Check(authorizer, isToken)
	}
	c.Add(faults)
}

func checkOrigins(c *settings.Checker, p *Props) {
	app := &p.Application
	checkPreviews(c, p)
	c.Refuse(len(app.TrustedWebOrigins) == 0, &app.TrustedWebOrigins, "is empty: it must contain the origin of at least one single page application")
	for i := range app.TrustedWebOrigins {
		// The Lambdas split the list at its commas.
		origin := &app.TrustedWebOrigins[i]
		c.Must(!strings.Contains(*origin, ","), origin, "be one origin")
		c.Must(!slices.Contains(app.TrustedWebOrigins[:i], *origin), origin, "be listed once")
	}
	// API Gateway refuses requests without the whole key itself, and does not know
	// which of several origins asked.
	cache := &p.AuthorizerCaching.TTL
	c.Refuse(*cache != 0 && len(trusted(*app)) > 1, cache, "cannot be combined with several %s: a page that is signed out would get a 401 that it cannot read", &app.TrustedWebOrigins)
	c.Refuse(*cache != 0 && app.SameOriginReads, cache, "cannot be combined with pages on the API's own host (%s): browsers send no Origin with their reads", &app.SameOriginReads)
	for i := range p.AccessTokens.Audience {
		audience := &p.AccessTokens.Audience[i]
		c.Must(!strings.Contains(*audience, ","), audience, "be one audience")
	}
	if len(c.Faults()) > 0 || app.RedirectURI == "" || isToken(app.RedirectURI) || slices.ContainsFunc(app.TrustedWebOrigins, isToken) {
		return
	}
	// The page the provider returns to calls login/end, with its own origin.
	c.Must(slices.Contains(app.TrustedWebOrigins, originOf(app.RedirectURI)), &app.RedirectURI, "be a page on one of %s", &app.TrustedWebOrigins)
	for i := range app.OtherRedirectURIs {
		uri := &app.OtherRedirectURIs[i]
		c.Must(!strings.Contains(*uri, ",") && *uri != app.RedirectURI && !slices.Contains(app.OtherRedirectURIs[:i], *uri), uri, "be one URL, listed once and not in %s", &app.RedirectURI)
		c.Must(isToken(*uri) || slices.Contains(app.TrustedWebOrigins, originOf(*uri)), uri, "be a page on one of %s", &app.TrustedWebOrigins)
	}
}

// checkPreviews refuses previews in production, and on another site: browsers would
// not send their cookies.
func checkPreviews(c *settings.Checker, p *Props) {
	app := &p.Application
	pattern := &app.PreviewOrigin
	if !preview.Valid(*pattern) && !isToken(*pattern) {
		return // empty, or told already
	}
	c.Refuse(p.Production, pattern, "cannot be combined with %s: whoever can publish a preview acts as the user who opens it", &p.Production)
	c.Must(slices.ContainsFunc(app.TrustedWebOrigins, func(origin string) bool {
		u, err := url.Parse(origin)
		return err == nil && preview.SameSite(u.Hostname(), preview.Host(*pattern))
	}), pattern, "be on the site of one of %s", &app.TrustedWebOrigins)
}

func checkAPI(c *settings.Checker, p *Props) {
	// "The name of the RestApi" takes up to 255 characters (Amazon API Gateway
	// quotas have no alphabet; CloudWatch takes printable ASCII for dimensions).
	c.Must(p.APIName == "" || apiNameRE.MatchString(p.APIName), &p.APIName, "be 1 to 255 printable ASCII characters")
	for i := range p.BinaryMediaTypes {
		mediaType := &p.BinaryMediaTypes[i]
		c.Must(mediaTypeRE.MatchString(*mediaType), mediaType, "be a media type without parameters, such as image/png, or */*")
		c.Must(!slices.Contains(p.BinaryMediaTypes[:i], *mediaType), mediaType, "be listed once")
	}
	const owner = "cannot be combined with %s: it belongs to that API"
	c.Refuse(p.API != nil && p.APIName != "", &p.APIName, owner, &p.API)
	c.Refuse(p.API != nil && len(p.BinaryMediaTypes) > 0, &p.BinaryMediaTypes, owner, &p.API)
	c.Refuse(p.API != nil && p.DualStack, &p.DualStack, owner, &p.API)
	c.Must(stageNameRE.MatchString(p.StageName), &p.StageName, "be 1 to 128 letters, digits, '-' or '_'")
	c.Refuse(p.API != nil && p.API.Root().DefaultCorsPreflightOptions() != nil, &p.API, "must not set DefaultCorsPreflightOptions: the token handler makes the preflights itself")
	c.Must(bundle.GOARCH(p.Architecture) != "", &p.Architecture, "be arm64 or x86_64, got "+*p.Architecture.Name())
}

func checkCORS(c *settings.Checker, p *Props) {
	cors := &p.CORS
	for i := range cors.AllowMethods {
		c.Must(isMethod(cors.AllowMethods[i]), &cors.AllowMethods[i], "be one of "+strings.Join(knownMethods, ", "))
	}
	for _, headers := range [][]string{cors.AllowHeaders, cors.ExposeHeaders} {
		for i := range headers {
			c.Must(headerRE.MatchString(headers[i]), &headers[i], "be the name of a header, without wildcard")
		}
	}
	c.Must(cors.MaxAge >= time.Second && cors.MaxAge <= 24*time.Hour && cors.MaxAge%time.Second == 0, &cors.MaxAge, "be whole seconds up to 24 hours")
}

var (
	labelRE     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	apiPathRE   = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+(/\*)?$`)
	stageNameRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	apiNameRE   = regexp.MustCompile(`^[ -~]{1,255}$`)
	mediaTypeRE = regexp.MustCompile(`^(\*/\*|[a-z0-9!#$&^_.+-]{1,64}/(\*|[a-z0-9!#$&^_.+-]{1,127}))$`)
	headerRE    = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// isToken reports whether s is known only at deployment. Only strings that
// contain ${Token[ need a round trip to CDK.
func isToken(s string) bool {
	return strings.Contains(s, "${Token[") && *awscdk.Token_IsUnresolved(jsii.String(s))
}

func originOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
