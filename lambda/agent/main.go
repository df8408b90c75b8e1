// Command agent is the OAuth agent Lambda: it wires the settings to the
// handler of package oauthagent.
//
// It refuses to start on a missing or malformed setting, and names it on
// standard error. It writes its log as JSON to standard output, and its metrics.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/apigateway"
	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/keys"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

func main() {
	handler, err := newHandler(os.LookupEnv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	agent, err := newOperator(os.LookupEnv, slog.New(slog.NewJSONHandler(os.Stdout, nil)), apigateway.Handler(handler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(agent)
}

// newHandler makes the handler; its log and metrics go to output.
func newHandler(lookup func(string) (string, bool), output io.Writer) (http.Handler, error) {
	s, err := settings.Load[settings.Agent](lookup)
	if err != nil {
		return nil, err
	}
	ring, err := keys.Ring(s.Shared, time.Now)
	if err != nil {
		return nil, err
	}
	provider, err := newClient(s, lookup)
	if err != nil {
		return nil, err
	}
	var recorder *metrics.Recorder
	if s.Operation.Metrics == settings.MetricsEMF {
		recorder = metrics.New(output, lambdacontext.FunctionName)
	}
	deployment := settings.DeploymentOf(s.Provider.Issuer, s.Provider.ClientID)
	cookies := keys.CookieOptions(s.Shared, deployment)
	cookies.MaxAge = s.Session.CookieLifetime
	cookies.Former = append(s.Cookies.Former, s.Application.AgentPath) // it may have been the cookies' path
	table, err := newTable(s, deployment)
	if err != nil {
		return nil, err
	}
	return oauthagent.New(oauthagent.Config{
		Device:                deviceOf(s),
		BasePath:              s.Application.AgentPath,
		RedirectURI:           s.Application.RedirectURI,
		RedirectURIs:          s.Application.RedirectURIs,
		PostLogoutRedirectURI: s.Application.PostLogoutRedirectURI,
		Ring:                  ring,
		Names:                 cookie.NewNamesOf(cookies),
		Rules:                 csrf.Rules{TrustedOrigins: s.Application.TrustedWebOrigins, PreviewOrigin: s.Application.PreviewOrigin, SameOriginReads: s.Application.SameOriginReads, HeaderName: s.CSRFHeaderName()},
		Provider:              provider,
		ExtraParameters:       s.Provider.Requests.ExtraParameters,
		Sessions:              table,
		Deployment:            deployment,
		Lifetimes:             oauthagent.Lifetimes{Idle: s.Session.IdleLifetime, Absolute: s.Session.Lifetime},
		LocalLogout:           s.Session.Logout == settings.LogoutLocal,
		IDTokenHint:           s.Session.IDTokenHint,
		OmitIDToken:           s.Session.OmitIDToken,
		TokenMediation:        s.Session.TokenMediation,
		Logger:                slog.New(slog.NewJSONHandler(output, nil)),
		Metrics:               recorder,
		RequestID:             apigateway.RequestID,
		Host:                  apigateway.Host,
	}), nil
}

// newTable returns the table of the sessions, or nil without one.
func newTable(s settings.Agent, deployment string) (*sessions.Table, error) {
	if s.Sessions.Table == "" {
		return nil, nil
	}
	return sessions.New(sessions.Config{
		Name: s.Sessions.Table, Key: s.Sessions.Key, Deployment: deployment, Repeat: s.Sessions.Repeat, Env: os.Getenv, Now: time.Now,
	})
}
