package enforce

import (
	"maps"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
)

// definition applies the rules to an API with an OpenAPI definition: to every
// API that was given to ExtendSpec, and to any other with a scheme that invokes
// the OAuth proxy of one of the handlers.
func (r *reader) definition(api awsapigateway.CfnRestApi) {
	const id = "Api" // findings are named by the construct
	options := rules.Options{OnlyUsers: true, Functions: map[string]rules.Function{}}
	path := *api.Node().Path()
	for _, h := range r.handlers {
		maps.Copy(options.Functions, h.Functions)
		for _, spec := range h.Specs {
			if *spec.Node().DefaultChild().Node().Path() == path {
				options.APIs = []string{id}
			}
		}
	}
	if len(options.APIs) == 0 && len(options.Functions) == 0 {
		return
	}
	report := rules.Check(&cloudformation.Template{Resources: map[string]*cloudformation.Resource{
		id: {Type: "AWS::ApiGateway::RestApi", Properties: properties(api.Stack(), map[string]any{"Body": api.Body(), "BodyS3Location": api.BodyS3Location()})},
	}}, options)
	for _, finding := range report.Errors() {
		where := path
		if m := finding.Method; m != nil {
			where = m.HTTPMethod + " " + m.Path + " at " + path
		}
		r.fault("%s %s [%s]", where, finding.Fault, finding.Rule)
	}
}

// properties resolves properties of a resource, and names those in lists and
// objects of settings as CloudFormation does.
func properties(stack awscdk.Stack, values map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range values {
		if value == nil {
			continue
		}
		resolved := stack.Resolve(value)
		if name != "Body" {
			resolved = capitalized(resolved)
		}
		out[name] = resolved
	}
	return out
}

func capitalized(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = capitalized(v[i])
		}
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[strings.ToUpper(key[:1])+key[1:]] = capitalized(value)
		}
		return out
	}
	return v
}
