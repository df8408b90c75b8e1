package tokenhandler

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// checkSiblings refuses token handlers of one API that could take each other's
// sessions. Browsers keep one cookie of a name for a host, and version 1 of the
// cookies is bound to the key only. Agents with the same path are refused when
// their methods are added.
func (h *TokenHandler) checkSiblings(siblings []*ProtectedAPI) {
	for _, sibling := range siblings {
		other := sibling.owner
		if other == nil || other == h {
			continue
		}
		if other.props.Cookies.NamePrefix == h.props.Cookies.NamePrefix {
			misuse("Props.Cookies.NamePrefix is %q, as of the token handler %s of the same API: expected one of its own",
				h.props.Cookies.NamePrefix, *other.Node().Path())
		}
		if (other.props.AuthorizerCaching.TTL != 0 || h.props.AuthorizerCaching.TTL != 0) && len(trustedBy(siblings)) > 1 {
			misuse("Props.AuthorizerCaching: the token handlers %s and %s of one API trust several origins: a page that is signed out would get a 401 that it cannot read", *other.Node().Path(), *h.Node().Path())
		}
		resolve := func(t *TokenHandler) string {
			return fmt.Sprint(t.API.Stack().Resolve(t.CookieKeySecret.SecretArn()))
		}
		if resolve(other) == resolve(h) {
			misuse("Props.CookieKeySecret is that of the token handler %s of the same API: expected one of its own", *other.Node().Path())
		}
	}
}

func (h *ProtectedAPI) knowsScopes() bool { return h.demands.authorizer.KnowsScopes() }

// trustedBy lists the origins that any of the token handlers trusts.
func trustedBy(siblings []*ProtectedAPI) []string {
	var origins []string
	for _, s := range siblings {
		for _, origin := range trusted(s.props.Application) {
			if !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

// trusted lists the origins that an application trusts, and the pattern of its
// previews.
func trusted(a Application) []string {
	if a.PreviewOrigin == "" {
		return a.TrustedWebOrigins
	}
	return append(slices.Clip(a.TrustedWebOrigins), a.PreviewOrigin)
}

// changeGatewayResponse rewrites one that another token handler made: an API
// has one of each kind.
func (h *ProtectedAPI) changeGatewayResponse(r gatewayResponse, headers map[string]*string, body string) {
	response := h.API.Node().FindChild(jsii.String(gatewayResponseID(r))).Node().DefaultChild().(awsapigateway.CfnGatewayResponse)
	parameters := map[string]*string{}
	for name, value := range headers {
		parameters["gatewayresponse.header."+name] = value
	}
	response.SetResponseParameters(parameters)
	response.SetResponseTemplates(map[string]*string{"application/json": jsii.String(body)})
}

func gatewayResponseID(r gatewayResponse) string { return "GatewayResponse_" + r.kind }
