// Command new-api is a CDK app with a token handler in front of two upstream
// APIs. The page is on www.example.com, the API on the host that API Gateway
// gives it; in production, set Props.Domain.
//
//	cd examples/new-api && npx cdk synth
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("NewAPI"), nil)

	handler := tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{
			TrustedWebOrigins: []string{"https://www.example.com"},
			RedirectURI:       "https://www.example.com/",
		},
		Provider: tokenhandler.Provider{
			Issuer:   "https://login.example.com",
			ClientID: "spa-client",
			Scope:    "openid profile offline_access",
		},
	})
	// Only the listed parameters and headers pass.
	handler.Protect(tokenhandler.Route{
		Path:            "/orders",
		Methods:         []string{"GET", "POST"},
		Upstream:        "https://orders.internal.example.com/v1/orders",
		QueryParameters: []string{"page"},
	})
	handler.Protect(tokenhandler.Route{
		Path:           "/orders/{id}",
		Methods:        []string{"GET", "PUT", "DELETE"},
		Upstream:       "https://orders.internal.example.com/v1/orders/{id}",
		RequestHeaders: []string{"If-Match"},
	})
	handler.Public(tokenhandler.Route{
		Path:     "/prices",
		Methods:  []string{"GET"},
		Upstream: "https://shop.internal.example.com/prices",
	}, "prices are public")

	app.Synth(nil)
}
