package tokenhandler

import (
	"strings"
	"testing"
)

func withPreviews(pattern string) *Props {
	p := oneOrigin()
	p.Application.PreviewOrigin = pattern
	return p
}

// Preflights answer one label below the host. Refusals name the origin that asked,
// as with several origins.
func TestPreviewsInTheTemplate(t *testing.T) {
	template := synth(t, withPreviews("https://*.preview.example.com"), nil)
	for method, properties := range template.methods() {
		if strings.HasPrefix(method, "OPTIONS ") {
			mustContain(t, text(properties["Integration"]),
				`#if($origin == \"https://www.example.com\" || $origin.matches(\"https://[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.]preview[.]example[.]com\"))`,
				`Access-Control-Allow-Origin = $origin)`)
		}
	}
	for id, r := range template.only("AWS::ApiGateway::GatewayResponse") {
		origin := r.Properties["ResponseParameters"].(map[string]any)["gatewayresponse.header.Access-Control-Allow-Origin"]
		if origin != nil && origin != "context.authorizer.allowedOrigin" {
			t.Errorf("%s names the origin %v", id, origin)
		}
	}
	for id, r := range template.only("AWS::Lambda::Function") {
		if got := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)["PREVIEW_ORIGIN"]; got != "https://*.preview.example.com" {
			t.Errorf("%s has PREVIEW_ORIGIN %v", id, got)
		}
	}
	if strings.Contains(string(template.raw), `'https://*`) {
		t.Error("the template sends the pattern")
	}
}

func TestPreviewsAreBounded(t *testing.T) {
	production := withPreviews("https://*.preview.example.com")
	production.Production = true
	caching := withPreviews("https://*.preview.example.com")
	caching.AuthorizerCaching.TTL = 30e9
	redirect := oneOrigin()
	redirect.Application.OtherRedirectURIs = []string{"https://www.example.com/callback", "https://evil.example/"}
	twice := oneOrigin()
	twice.Application.OtherRedirectURIs = []string{twice.Application.RedirectURI}
	for name, tt := range map[string]struct {
		props *Props
		want  string
	}{
		"production":              {production, "Props.Application.PreviewOrigin cannot be combined with Props.Production"},
		"foreign site":            {withPreviews("https://*.example.org"), "Props.Application.PreviewOrigin must be on the site of one of Props.Application.TrustedWebOrigins"},
		"another customer":        {withPreviews("https://*.other.vercel.app"), "Props.Application.PreviewOrigin must be on the site of"},
		"public suffix":           {withPreviews("https://*.vercel.app"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"top-level domain":        {withPreviews("https://*.com"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"no wildcard":             {withPreviews("https://preview.example.com"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"wildcard in a label":     {withPreviews("https://pr-*.example.com"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"two wildcards":           {withPreviews("https://*.*.example.com"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"http":                    {withPreviews("http://*.preview.example.com"), "Props.Application.PreviewOrigin must be an origin with one wildcard label"},
		"caching":                 {caching, "Props.AuthorizerCaching.TTL cannot be combined with several"},
		"redirect URI elsewhere":  {redirect, "Props.Application.OtherRedirectURIs[1] must be a page on one of"},
		"redirect URI once again": {twice, "Props.Application.OtherRedirectURIs[0] must be one URL, listed once"},
	} {
		t.Run(name, func(t *testing.T) {
			mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", tt.props) }), tt.want)
		})
	}
}
