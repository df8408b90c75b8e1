package tokenhandler

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// A route that lists the statuses of its API takes a fraction of the template.
func TestListedStatuses(t *testing.T) {
	size := func(props *Props, statuses []int) (responses int) {
		got := synth(t, props, func(_ awscdk.Stack, h *TokenHandler) {
			route := orders()
			route.Statuses = statuses
			h.Protect(route)
		})
		return len(dig(t, got.methods()["GET /orders"], "Integration", "IntegrationResponses").([]any))
	}
	of := func(statuses []int) *Props { p := oneOrigin(); p.Statuses = statuses; return p }
	for _, tt := range []struct {
		props *Props
		route []int
		want  int
	}{
		{oneOrigin(), nil, 13}, {oneOrigin(), []int{201, 404}, 7}, {oneOrigin(), []int{}, 5},
		{of([]int{404}), nil, 6}, {of([]int{404}), []int{201, 404}, 7},
	} {
		if got := size(tt.props, tt.route); got != tt.want {
			t.Errorf("%v of all routes, %v of this: %d integration responses, want %d", tt.props.Statuses, tt.route, got, tt.want)
		}
	}
	for _, wrong := range [][]int{{100}, {600}, {404, 404}} {
		mustContain(t, panicOf(func() { size(oneOrigin(), wrong) }), "tokenhandler: Route.Statuses[", "] must be a status from 200 to 599, each once (route /orders), got ")
		mustContain(t, panicOf(func() { size(of(wrong), nil) }), "tokenhandler: Props.Statuses[", "] must be a status from 200 to 599")
	}
	transparent := Route{Path: "/api/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://api.internal.example/{proxy}", Transparent: true, Statuses: []int{404}}
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", oneOrigin()).Protect(transparent) }), "passes on everything: expected neither")
}
