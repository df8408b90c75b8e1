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
		r.misuse(&r.Function, "of %s cannot be combined with %s, a Lambda is called by no URL that a proof could name", r.Path, settings.SettingOf(&h.props, &h.props.AccessTokens.DPoP))
	case r.Transparent:
		r.misuse(&r.Transparent, "of %s cannot be combined with %s, such a route passes on the client's own DPoP headers too", r.Path, settings.SettingOf(&h.props, &h.props.AccessTokens.DPoP))
	}
	d := h.demands
	if d.upstreams == nil {
		d.upstreams = settings.Upstreams{}
	}
	for _, m := range r.Methods {
		key := settings.RouteKey(m, r.Path)
		if known, ok := d.upstreams[key]; ok && known != r.Upstream {
			r.misuse(&r.Upstream, "of %s differs from that of the route of another API with the same authorizer: expected the same with %s, the authorizer does not tell them apart", key, settings.SettingOf(&h.props, &h.props.AccessTokens.DPoP))
		}
		d.upstreams[key] = r.Upstream
	}
	d.authorizer.Upstreams = d.upstreams
	h.addVariable(&d.authorizer.Upstreams)
}
