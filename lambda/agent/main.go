// Command agent is the OAuth agent Lambda: it wires the settings to the
// handler of package oauthagent.
//
// It refuses to start on a missing or malformed setting, and names it on
// standard error. It writes its log as JSON to standard output.
package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/apigateway"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/oauth"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
)

func main() {
	handler, err := newHandler(os.LookupEnv, slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.StartHandler(apigateway.Handler(handler))
}

func newHandler(lookup func(string) (string, bool), logger *slog.Logger) (http.Handler, error) {
	s, err := settings.Load[settings.Agent](lookup)
	if err != nil {
		return nil, err
	}
	previous := make([]string, len(s.PreviousEncryptionKeys))
	for i, key := range s.PreviousEncryptionKeys {
		previous[i] = key.Reveal()
	}
	ring, err := cookie.NewRing(s.EncryptionKey.Reveal(), previous...)
	if err != nil {
		return nil, err
	}
	provider := oauth.New(oauth.Config{
		Issuer:                s.Issuer,
		ClientID:              s.ClientID,
		ClientSecret:          s.ClientSecret,
		Scopes:                s.Scope,
		RedirectURI:           s.RedirectURI,
		PostLogoutRedirectURI: s.PostLogoutRedirectURI,
		AuthorizeEndpoint:     s.AuthorizeEndpoint,
		TokenEndpoint:         s.TokenEndpoint,
		UserInfoEndpoint:      s.UserInfoEndpoint,
		JWKSEndpoint:          s.JWKSEndpoint,
		LogoutEndpoint:        s.LogoutEndpoint,
	})
	return oauthagent.New(oauthagent.Config{
		BasePath:              s.BasePath,
		RedirectURI:           s.RedirectURI,
		PostLogoutRedirectURI: s.PostLogoutRedirectURI,
		Ring:                  ring,
		Names:                 cookie.NewNames(s.CookieNamePrefix),
		Rules:                 csrf.Rules{TrustedOrigins: s.TrustedWebOrigins, HeaderName: s.CSRFHeaderName()},
		Provider:              provider,
		Logger:                logger,
		RequestID:             apigateway.RequestID,
	}), nil
}
