package tokenhandler

import (
	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// Where the proof of possession comes from and goes to.
var (
	proofSource = contract.FromContext(contract.ContextProof)
	proofTarget = "integration.request.header." + contract.HeaderProof
)

// tellUpstream tells the authorizer where a protected route leads to: with
// Props.AccessTokens.DPoP a proof names the method and the URL of the request (RFC 9449
// section 4.2). It panics on a route whose URL the authorizer cannot know, or
// that has no mapping for the header.
func (h *ProtectedAPI) tellUpstream(r Route) {
	if !h.props.AccessTokens.DPoP {
		return
	}
	switch {
	case r.Function != nil:
		misuse("Route %s has a Function: expected an Upstream with Props.AccessTokens.DPoP, a Lambda is called by no URL that a proof could name", r.Path)
	case r.Transparent:
		misuse("Route %s is Transparent: expected a mapped route with Props.AccessTokens.DPoP, a transparent one passes on the client's own DPoP headers too", r.Path)
	}
	d := h.demands
	if d.upstreams == nil {
		d.upstreams = settings.Upstreams{}
	}
	for _, m := range r.Methods {
		key := settings.RouteKey(m, r.Path)
		if known, ok := d.upstreams[key]; ok && known != r.Upstream {
			misuse("Route %s has another Upstream than the route of another API with the same authorizer: expected the same with Props.AccessTokens.DPoP, the authorizer does not tell them apart", key)
		}
		d.upstreams[key] = r.Upstream
	}
	d.authorizer.Upstreams = d.upstreams
	h.addVariable(&d.authorizer.Upstreams)
}
