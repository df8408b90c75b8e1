package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/settings"
)

// newStack makes the stack TokenHandler-<stage>, or TokenHandler-<stage>-<region>
// of a stage with regions.
func newStack(scope constructs.Construct, s stage) awscdk.Stack {
	props := awscdk.StackProps{Description: jsii.String("OAuth token handler for single page applications, stage " + s.name)}
	if s.Account != "" {
		props.Env = &awscdk.Environment{Account: jsii.String(s.Account), Region: jsii.String(s.Region)}
	}
	name := "TokenHandler-" + s.name
	if s.regional {
		name += "-" + s.Region
	}
	stack := awscdk.NewStack(scope, jsii.String(name), &props)

	var handler *tokenhandler.TokenHandler
	inStage("", func() {
		handler = tokenhandler.New(stack, "TokenHandler", s.props(stack))
		s.addRoutes(stack, handler)
		s.addAround(stack, handler)
	})
	s.addClients(stack, handler)

	url := handler.API.Url()
	switch {
	case s.Domain != nil:
		url = jsii.String("https://" + s.Domain.Name + "/" + s.Domain.BasePath)
	case s.Site != nil:
		url = jsii.String("https://" + s.Site.Name + "/")
	}
	output(stack, "ApiUrl", "Base URL of the API", url)
	if handler.ClientSecret != nil {
		output(stack, "ClientSecretArn", "OAuth client secret: register its value at the provider", handler.ClientSecret.SecretArn())
	}
	output(stack, "AuthorizerFunctionArn", "OAuth proxy, for APIs of other apps (tokenhandler.FromTokenHandlerAttributes)", handler.AuthorizerFunction.FunctionArn())
	output(stack, "EncryptionKeyArn", "Key of the session cookies", handler.CookieKeySecret.SecretArn())
	return stack
}

// props returns the properties of the stage's token handler. Constructs that are
// given by name or ARN are made below scope.
func (s *stage) props(scope constructs.Construct) *tokenhandler.Props {
	s.given.find(scope, s, "Given", "")
	if s.regional {
		s.CookieKeySecret = s.cookieKeySecret(scope)
	}
	return &s.Props
}

// addRoutes adds the stage's routes to its token handler.
func (s *stage) addRoutes(scope constructs.Construct, h *tokenhandler.TokenHandler) {
	for i := range s.Routes {
		r := &s.Routes[i]
		r.given.find(scope, r, "Route", fmt.Sprint(i))
		inRoute(i, func() {
			if r.Public != "" {
				h.Public(r.Route, r.Public)
			} else {
				h.Protect(r.Route)
			}
		})
	}
}

// addAround adds the resources around a token handler.
func (s *stage) addAround(stack awscdk.Stack, handler *tokenhandler.TokenHandler) {
	if s.Site != nil {
		s.Site.Handler = handler
		site := tokenhandler.NewSite(stack, "Site", s.Site)
		output(stack, "SiteBucket", "Bucket of the application's files", site.Bucket.BucketName())
		output(stack, "SiteDistribution", "Distribution to invalidate after an upload", site.Distribution.DistributionId())
		output(stack, "SiteHost", "CloudFront's own host, for records made elsewhere", site.Distribution.DistributionDomainName())
	}
	if s.Around.Alarms {
		handler.AddAlarms(tokenhandler.Alarms{Topic: s.Around.AlarmTopic})
	}
	if s.Around.Dashboard {
		handler.AddDashboard()
	}
	if s.Around.AccountLoggingRole {
		addAccountLoggingRole(stack, handler.API)
	}
	s.tag(stack)
}

func (s *stage) tag(stack awscdk.Stack) {
	for _, name := range sortedKeys(s.Around.Tags) {
		awscdk.Tags_Of(stack).Add(jsii.String(name), jsii.String(s.Around.Tags[name]), nil)
	}
}

// addAccountLoggingRole makes the role with which API Gateway writes the logs
// of every API of the account and region. It stays when the stack is deleted,
// because other APIs may use it.
func addAccountLoggingRole(stack awscdk.Stack, api awsapigateway.RestApi) {
	role := awsiam.NewRole(stack, jsii.String("ApiGatewayLogs"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs")),
		},
	})
	account := awsapigateway.NewCfnAccount(stack, jsii.String("ApiGatewayAccount"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE)
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, nil)
	api.DeploymentStage().Node().AddDependency(account)
}

// inStage calls f. If f panics with faults, inStage panics with the same faults
// in the names of the stage. The fields of a client begin with prefix.
func inStage(prefix string, f func()) { renaming(prefix, "", f) }

// inRoute is inStage for the route at an index.
func inRoute(number int, f func()) { renaming("", fmt.Sprintf("routes[%d].", number), f) }

func renaming(prefix, routes string, f func()) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		err, _ := r.(error)
		var faults settings.Faults
		var renamed stageError
		switch {
		case errors.As(err, &renamed):
			panic(stageError{addPrefix(prefix, renamed.faults)})
		case errors.As(err, &faults):
			d := decoder{prefix: prefix}
			d.add(faults, routes)
			panic(stageError{d.faults})
		}
		panic(r)
	}()
	f()
}

// stageError holds faults in the names of the stage.
type stageError struct{ faults []string }

func (e stageError) Error() string {
	d := decoder{faults: e.faults}
	return d.err().Error()
}

func addPrefix(prefix string, faults []string) []string {
	var prefixed []string
	for _, f := range faults {
		prefixed = append(prefixed, prefix+f)
	}
	return prefixed
}

func output(stack awscdk.Stack, id, description string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Description: jsii.String(description), Value: value})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
