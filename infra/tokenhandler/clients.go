package tokenhandler

import (
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/internal/templatecheck"
)

// checkSiblings refuses what would let one client's sessions be taken for
// another's. Browsers keep one cookie of a name for a host, and version 1 of
// the cookies is bound to nothing but the key. That agents have paths of their
// own is seen when their methods are added.
func (h *TokenHandler) checkSiblings(siblings []*TokenHandler) {
	for _, other := range siblings {
		if other == h {
			continue
		}
		if other.props.CookieNamePrefix == h.props.CookieNamePrefix {
			misuse("Props.CookieNamePrefix is %q, as of the token handler %s of the same API: expected one of its own",
				h.props.CookieNamePrefix, *other.Node().Path())
		}
		resolve := func(t *TokenHandler) string {
			return fmt.Sprint(t.API.Stack().Resolve(t.EncryptionKeySecret.SecretArn()))
		}
		if resolve(other) == resolve(h) {
			misuse("Props.EncryptionKeySecret is that of the token handler %s of the same API: expected one of its own", *other.Node().Path())
		}
	}
}

func (h *TokenHandler) knowsScopes() bool { return h.demands.authorizer.KnowsScopes() }

// trustedBy lists the origins that any of the token handlers trusts.
func trustedBy(siblings []*TokenHandler) []string {
	var origins []string
	for _, s := range siblings {
		for _, origin := range s.shared.TrustedWebOrigins {
			if !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

// changeGatewayResponse rewrites one that another token handler made: an API
// has one of each kind.
func (h *TokenHandler) changeGatewayResponse(r gatewayResponse, headers map[string]*string, body string) {
	response := h.API.Node().FindChild(jsii.String(gatewayResponseID(r))).Node().DefaultChild().(awsapigateway.CfnGatewayResponse)
	parameters := map[string]*string{}
	for name, value := range headers {
		parameters["gatewayresponse.header."+name] = value
	}
	response.SetResponseParameters(parameters)
	response.SetResponseTemplates(map[string]*string{"application/json": jsii.String(body)})
}

func gatewayResponseID(r gatewayResponse) string { return "GatewayResponse_" + r.kind }

// judgeAmong tells the rule about a method of an API with several token
// handlers: it may have the authorizer of any, but a route only that of the
// token handler whose Protect made it.
func judgeAmong(siblings []*TokenHandler, node awsapigateway.CfnMethod, m *templatecheck.Method) string {
	// Most methods are judged without their construct path.
	path := sync.OnceValue(func() string { return *node.Node().Path() })
	for _, s := range siblings {
		facts := *m
		fault := s.judge(node, &facts)
		if !facts.Ours && fault == "" {
			continue
		}
		m.Ours = facts.Ours
		if fault == "" && facts.Ours && facts.Kind() == "protected" {
			fault = s.provenFault(func() bool { return slices.Contains(s.protected, path()) })
		}
		for _, other := range siblings {
			if fault == "" && other != s && slices.Contains(other.protected, path()) {
				fault = fmt.Sprintf("has the authorizer of %s: expected that of %s, whose Protect made it", *s.Node().Path(), *other.Node().Path())
			}
		}
		return fault
	}
	return ""
}
