// Command authorizer is the OAuth proxy Lambda: the REQUEST authorizer of the
// REST API. Package oauthproxy documents its decisions and settings.Authorizer
// its environment.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tokenhandler/aws/internal/metrics"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/oauthproxy"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	s, err := settings.Load[settings.Authorizer](os.LookupEnv)
	if err != nil {
		exit(err)
	}
	proxy, err := oauthproxy.New(s, time.Now)
	if err != nil {
		exit(err)
	}
	if s.Operation.Metrics == settings.MetricsEMF {
		proxy.Record(metrics.New(os.Stdout, lambdacontext.FunctionName))
	}
	lambda.Start(proxy)
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "authorizer:", err)
	os.Exit(1)
}
