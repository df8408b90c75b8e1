package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// Resources of a given API, and those that a stack adds itself, count like
// routes.
func TestProtectRefusesASecondPathVariable(t *testing.T) {
	for _, tt := range []struct{ name, there, path, want string }{
		{"other name", "/users/{userId}", "/users/{id}/orders", `has the variable {id} beside {userId} of the API`},
		{"same name", "/users/{id}", "/users/{id}/orders", ""},
		{"greedy beside a variable", "/users/{userId}", "/users/{proxy+}", "{proxy+} beside {userId}"},
		{"variable beside greedy", "/users/{proxy+}", "/users/{id}", "{id} beside {proxy+}"},
		{"deeper", "/a/{x}/b/{y}", "/a/{x}/b/{z}", "{z} beside {y}"},
		{"another branch", "/a/{x}", "/b/{y}", ""},
		{"literal beside a variable", "/users/{userId}", "/users/me", ""},
	} {
		for _, given := range []bool{true, false} {
			stack, props := newStack(t), oneOrigin()
			if given {
				props.API = awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
			}
			h := New(stack, "TokenHandler", props)
			h.API.Root().ResourceForPath(jsii.String(tt.there)).AddMethod(jsii.String("OPTIONS"), awsapigateway.NewMockIntegration(nil), nil)
			got := panicOf(func() {
				h.Protect(Route{Path: tt.path, Methods: []string{"GET"}, Function: awslambda.Function_FromFunctionArn(stack, jsii.String("Function"), jsii.String("arn:aws:lambda:eu-north-1:123456789012:function:x"))})
			})
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s, given %v: got %q, want %q", tt.name, given, got, tt.want)
			}
		}
	}
}
