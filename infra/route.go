package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// route is a tokenhandler.Route as cdk.json writes it.
type route struct {
	Path            string              `json:"path"`
	Methods         []string            `json:"methods"`
	Upstream        string              `json:"upstream"`
	VPCLink         string              `json:"vpcLinkId"` // of an existing VPC link that leads to upstream
	Function        string              `json:"function"`  // ARN of an existing Lambda, in place of upstream
	QueryParameters []string            `json:"queryParameters"`
	RequiredQuery   []string            `json:"requiredQueryParameters"`
	RequestSchema   map[string]any      `json:"requestSchema"` // JSON schema draft 4 of bodies
	RequestHeaders  []string            `json:"requestHeaders"`
	ResponseHeaders []string            `json:"responseHeaders"`
	Statuses        []int               `json:"statuses"` // of upstream that come down as they are
	Transparent     bool                `json:"transparent"`
	Scopes          []string            `json:"scopes"`
	MethodScopes    map[string][]string `json:"methodScopes"` // by method, besides scopes
	Claims          map[string]string   `json:"claims"`
	Public          string              `json:"public"` // why it is open to everyone; "": it is protected
}

var (
	// functionRE: with or without a version or alias.
	functionRE = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?$`)
	vpcLinkRE  = regexp.MustCompile(`^[a-z0-9]{1,64}$`)
)

// checkRoutes looks at what is given by ARN or id; the rest is the construct's
// to check.
func (s stage) checkRoutes() error {
	if len(s.Routes) == 0 {
		return errors.New("routes is empty: expected at least one")
	}
	for _, r := range s.Routes {
		if err := r.check(s); err != nil {
			return fmt.Errorf("route %s: %w", r.Path, err)
		}
	}
	return nil
}

func (r route) check(s stage) error {
	switch {
	case r.Function != "" && r.Upstream != "":
		return errors.New("function and upstream are both set: expected one of them")
	case r.Function != "" && r.VPCLink != "":
		return errors.New("vpcLinkId is set: expected it with upstream only")
	case r.Function != "" && r.Transparent:
		return errors.New("transparent is set: expected it with upstream only, a function gets the whole request in any case")
	case r.Function != "" && !functionRE.MatchString(r.Function):
		return fmt.Errorf("function is %q: expected the ARN of a Lambda, such as arn:aws:lambda:eu-north-1:123456789012:function:orders", r.Function)
	case r.VPCLink != "" && r.Upstream == "":
		return errors.New("vpcLinkId is set without upstream: expected both")
	case r.VPCLink != "" && !vpcLinkRE.MatchString(r.VPCLink):
		return fmt.Errorf("vpcLinkId is %q: expected the id of a VPC link of REST APIs, such as a1b2c3", r.VPCLink)
	case r.Function != "" && len(s.Regions) > 0:
		return errors.New("function is set: expected none with regions, a function is of one region")
	case r.VPCLink != "" && len(s.Regions) > 0:
		return errors.New("vpcLinkId is set: expected none with regions, a VPC link is of one region")
	}
	if parts := strings.Split(r.Function, ":"); len(parts) > 4 && s.Region != "" && (parts[3] != s.Region || parts[4] != s.Account) {
		// The permission to invoke it is made here.
		return fmt.Errorf("function is in %s of account %s: expected one in %s of account %s, as the stage", parts[3], parts[4], s.Region, s.Account)
	}
	return nil
}

// construct is the route for a token handler; what is given by ARN or id is
// made below scope, under a name with the route's number.
func (r route) construct(scope constructs.Construct, number int) tokenhandler.Route {
	route := tokenhandler.Route{
		Path:            r.Path,
		Methods:         r.Methods,
		Upstream:        r.Upstream,
		QueryParameters: r.QueryParameters,
		RequestHeaders:  r.RequestHeaders,
		RequestSchema:   r.RequestSchema,

		RequiredQueryParameters: r.RequiredQuery,

		ResponseHeaders: r.ResponseHeaders,
		Statuses:        r.Statuses,
		Transparent:     r.Transparent,
		Scopes:          r.Scopes,
		MethodScopes:    r.MethodScopes,
		Claims:          r.Claims,
	}
	if r.Function != "" {
		route.Function = awslambda.Function_FromFunctionAttributes(scope, jsii.String(fmt.Sprint("RouteFunction", number)), &awslambda.FunctionAttributes{
			FunctionArn: jsii.String(r.Function),
			// Or CDK writes no permission where it does not know the account.
			SameEnvironment: jsii.Bool(true),
		})
	}
	if r.VPCLink != "" {
		route.VPCLink = awsapigateway.VpcLink_FromVpcLinkId(scope, jsii.String(fmt.Sprint("RouteVpcLink", number)), jsii.String(r.VPCLink))
	}
	return route
}

// addRoutes adds the stage's routes to its token handler.
func (s stage) addRoutes(scope constructs.Construct, h *tokenhandler.TokenHandler) {
	for i, r := range s.Routes {
		if r.Public != "" {
			h.Public(r.construct(scope, i), r.Public)
			continue
		}
		h.Protect(r.construct(scope, i))
	}
}
