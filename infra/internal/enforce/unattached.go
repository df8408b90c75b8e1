package enforce

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Attach lets synthesis go on with an authorizer that no method uses, up to
// [Tree], which says so in plain words. CDK itself fails before that with
// "Resolution error: Authorizer must be attached to a RestApi".
func Attach(authorizer awsapigateway.RequestAuthorizer, api awsapigateway.RestApi, function awslambda.IFunction) {
	awscdk.Aspects_Of(authorizer).Add(&attach{api, function}, nil)
}

// attach implements awscdk.IAspect. Aspects run after all routes were added and
// before CDK resolves references.
type attach struct {
	api      awsapigateway.RestApi
	function awslambda.IFunction
}

func (a *attach) Visit(node constructs.IConstruct) {
	authorizer, ok := node.(awsapigateway.CfnAuthorizer)
	if !ok || resolves(authorizer.Stack(), authorizer.RestApiId()) {
		return
	}
	authorizer.SetRestApiId(a.api.RestApiId())
	for _, child := range *a.function.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if p, ok := child.(awslambda.CfnPermission); ok && !resolves(p.Stack(), p.SourceArn()) {
			p.SetSourceArn(jsii.String("none")) // in no template: Tree stops synthesis
		}
	}
}

// resolves reports whether CDK can resolve a value now.
func resolves(stack awscdk.Stack, value any) (ok bool) {
	defer func() { ok = recover() == nil }()
	stack.Resolve(value)
	return true
}
