package tokenhandler

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/contract"
)

// AuthorizerFor returns the authorizer for a method of the API made without
// [ProtectedAPI.Protect]. With [Props.AuthorizerCaching] there are two, made
// when first asked for: one for GET and HEAD, and the other, which is
// h.Authorizer, for all else. Without, it is h.Authorizer for all.
func (h *ProtectedAPI) AuthorizerFor(method string) awsapigateway.RequestAuthorizer {
	if h.props.AuthorizerCaching.TTL == 0 {
		return h.Authorizer
	}
	made, id := &h.Authorizer, "Authorizer"
	if isSafe(method) {
		made, id = &h.safeAuthorizer, "SafeAuthorizer"
	}
	if *made == nil {
		sources := h.identitySources(isSafe(method))
		ttl := h.props.AuthorizerCaching.TTL
		*made = awsapigateway.NewRequestAuthorizer(h, jsii.String(id), &awsapigateway.RequestAuthorizerProps{
			Handler:         h.invoked,
			IdentitySources: jsii.Strings(sources...),
			ResultsCacheTtl: awscdk.Duration_Seconds(jsii.Number(ttl.Seconds())),
		})
		h.redeployWith(id, fmt.Sprintf("REQUEST, TTL %s, %q", ttl, sources))
	}
	return *made
}

func isSafe(method string) bool { return method == "GET" || method == "HEAD" }

// identitySources are the key: see [AuthorizerCaching]. "You can use header,
// query string, stage variable, and context" (Developer Guide, as above, whose
// examples are context.path and context.httpMethod).
func (h *ProtectedAPI) identitySources(safe bool) []string {
	sources := []string{"method.request.header.Cookie", "method.request.header.Origin", "method.request.header.Sec-Fetch-Site"}
	switch {
	case h.props.AuthorizerCaching.Dialect == AssistantDialect:
		sources = append(sources, "method.request.header."+contract.HeaderVersion)
	case !safe:
		sources = append(sources, "method.request.header."+h.props.Cookies.CSRFHeaderName())
	}
	return append(sources, "context.httpMethod", "context.path")
}
