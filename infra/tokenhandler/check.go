package tokenhandler

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/bundle"
	"github.com/tokenhandler/aws/internal/settings"
)

// misuse panics: a CDK construct has no other way to refuse its properties.
func misuse(format string, args ...any) {
	panic(fmt.Errorf("tokenhandler: "+format, args...))
}

// checked returns a copy of p with the defaults filled in, and the agent's
// settings without their secrets, or panics with everything that is wrong.
func checked(p *Props) (Props, settings.Agent) {
	if p == nil {
		misuse("Props is nil: expected at least TrustedWebOrigins, Provider.Issuer, Provider.ClientID and RedirectURI")
	}
	c := *p
	setDefaults(&c)
	agent := settings.Agent{
		Shared:                c.sharedSettings(),
		Issuer:                c.Provider.Issuer,
		ClientID:              c.Provider.ClientID,
		Scope:                 c.Provider.Scope,
		RedirectURI:           c.RedirectURI,
		PostLogoutRedirectURI: c.PostLogoutRedirectURI,
		AuthorizeEndpoint:     c.Provider.AuthorizeEndpoint,
		TokenEndpoint:         c.Provider.TokenEndpoint,
		UserInfoEndpoint:      c.Provider.UserInfoEndpoint,
		JWKSEndpoint:          c.Provider.JWKSEndpoint,
		LogoutEndpoint:        c.Provider.LogoutEndpoint,
		BasePath:              c.AgentPath,
		Session:               c.sessionSettings(),
		Client:                c.Provider.clientSettings(),
	}
	err := settings.Check(agent, isToken)
	if err == nil {
		err = checkClient(c, agent)
	}
	if err != nil {
		misuse("%s", inPropsWords(strings.TrimPrefix(err.Error(), "settings: ")))
	}
	checkCaching(c.AuthorizerCaching)
	checkAccessTokens(c, agent.Shared)
	checkOrigins(c)
	checkAPI(c)
	checkCORS(c.CORS)
	checkStatuses("Props.Statuses", c.Statuses)
	checkDomain(c)
	checkKeyRotation(c)
	checkOperation(&c)
	return c, agent
}

func setDefaults(c *Props) {
	setDefault(&c.CookieNamePrefix, DefaultCookieNamePrefix)
	setDefault(&c.AgentPath, DefaultAgentPath)
	setDefault(&c.StageName, DefaultStageName)
	setDefault(&c.Provider.Scope, DefaultScope)
	if c.Architecture == nil {
		c.Architecture = awslambda.Architecture_ARM_64()
	}
	if c.CORS.MaxAge == 0 {
		c.CORS.MaxAge = DefaultMaxAge
	}
}

// sharedSettings are those of both Lambdas, without the key.
func (p Props) sharedSettings() settings.Shared {
	return settings.Shared{
		TrustedWebOrigins: slices.Clone(p.TrustedWebOrigins),
		CookieNamePrefix:  p.CookieNamePrefix,
		CSRFHeader:        p.CSRFHeader,
		CookieFormat:      p.CookieFormat,
		CookieDomain:      p.CookieDomain,
		CookieBasePath:    p.CookieBasePath,
		DPoP:              p.DPoP,
	}
}

func checkOrigins(c Props) {
	if len(c.TrustedWebOrigins) == 0 {
		misuse("Props.TrustedWebOrigins is empty: expected the origin of at least one single page application")
	}
	for i, origin := range c.TrustedWebOrigins {
		// The Lambdas split the list at its commas.
		if strings.Contains(origin, ",") || slices.Contains(c.TrustedWebOrigins[:i], origin) {
			misuse("Props.TrustedWebOrigins[%d] is %q: expected one origin per element, each once", i, origin)
		}
	}
	if c.RedirectURI == "" || isToken(c.RedirectURI) || slices.ContainsFunc(c.TrustedWebOrigins, isToken) {
		return
	}
	// The page the provider returns to calls login/end, with its own origin.
	if origin := originOf(c.RedirectURI); !slices.Contains(c.TrustedWebOrigins, origin) {
		misuse("Props.RedirectURI is on %q: expected a page on one of Props.TrustedWebOrigins %q", origin, c.TrustedWebOrigins)
	}
}

func checkAPI(c Props) {
	if !stageNameRE.MatchString(c.StageName) {
		misuse("Props.StageName is %q: expected 1 to 128 letters, digits, '-' or '_'", c.StageName)
	}
	if c.API != nil && c.API.Root().DefaultCorsPreflightOptions() != nil {
		misuse("Props.API sets DefaultCorsPreflightOptions: expected none, the token handler writes the preflights itself")
	}
	if name := *c.Architecture.Name(); bundle.GOARCH(c.Architecture) == "" {
		misuse("Props.Architecture is %q: expected arm64 or x86_64", name)
	}
}

func checkCORS(c CORS) {
	for i, m := range c.AllowMethods {
		if !isMethod(m) {
			misuse("Props.CORS.AllowMethods[%d] is %q: expected one of %s", i, m, strings.Join(knownMethods, ", "))
		}
	}
	for i, h := range c.AllowHeaders {
		if !headerRE.MatchString(h) {
			misuse("Props.CORS.AllowHeaders[%d] is %q: expected the name of a header, no wildcard", i, h)
		}
	}
	for i, h := range c.ExposeHeaders {
		if !headerRE.MatchString(h) {
			misuse("Props.CORS.ExposeHeaders[%d] is %q: expected the name of a header, no wildcard", i, h)
		}
	}
	if c.MaxAge < time.Second || c.MaxAge > 24*time.Hour || c.MaxAge%time.Second != 0 {
		misuse("Props.CORS.MaxAge is %s: expected whole seconds up to 24 hours", c.MaxAge)
	}
}

var (
	labelRE     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	apiPathRE   = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+(/\*)?$`)
	stageNameRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	headerRE    = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	variableRE  = regexp.MustCompile(`[A-Z][A-Z_]+[A-Z]`)
)

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// isToken reports whether s is known only at deployment. A string that has a
// token in it says so, and CDK need not be asked about every other one.
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

// inPropsWords replaces the names of environment variables in a message of
// package settings by the fields of Props they come from.
func inPropsWords(message string) string {
	names := map[string]string{}
	var collect func(reflect.Type)
	collect = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				collect(f.Type)
				continue
			}
			name := f.Name
			if name == "BasePath" {
				name = "AgentPath"
			} else if _, ok := reflect.TypeFor[Provider]().FieldByName(name); ok {
				name = "Provider." + name
			}
			names[f.Tag.Get("env")] = "Props." + name
		}
	}
	collect(reflect.TypeFor[settings.Agent]())
	maps.Copy(names, clientProps)
	return variableRE.ReplaceAllStringFunc(message, func(word string) string {
		if name, ok := names[word]; ok {
			return name
		}
		return word
	})
}
