package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Extend protects another REST API with the same sessions, in this stack or in
// another one of the same account and region. The API's authorizer uses the
// same AuthorizerFunction, and the agent stays on the first API. Browsers send
// the session cookies to one host only, so both APIs must be on one host: base
// paths of one custom domain, or behaviours of one distribution.
//
// The result has Protect, Public and the check of synthesis for its API.
func (h *TokenHandler) Extend(scope constructs.Construct, id string, api awsapigateway.RestApi) *ProtectedAPI {
	if api == nil {
		misuse("Extend got no API: expected the REST API to protect")
	}
	p := h.props
	p.API = api
	p.APIName, p.BinaryMediaTypes, p.DualStack = "", nil, false // of the other API
	c := newChecker(&p)
	checkAPI(c, &p)
	refuse(c.Faults())
	e := &ProtectedAPI{props: p, function: h.function, demands: h.demands}
	constructs.NewConstruct_Override(e, scope, &id)
	e.addValidations()
	e.invoked = h.invoked
	if !sameStack(h, e) {
		// The permission to invoke the function names this API. CDK puts it
		// beside the function, where it would make both stacks need each
		// other; of a function that is known by its ARN only, it is put here.
		e.invoked = awslambda.Function_FromFunctionAttributes(e, jsii.String("AuthorizerFunction"), &awslambda.FunctionAttributes{
			FunctionArn:     h.invoked.FunctionArn(),
			SameEnvironment: jsii.Bool(true),
		})
	}
	e.useAPI(api, false)
	e.addAuthorizer()
	e.addGatewayResponses()
	return e
}

func sameStack(a, b constructs.IConstruct) bool {
	return *awscdk.Stack_Of(a).Node().Path() == *awscdk.Stack_Of(b).Node().Path()
}
