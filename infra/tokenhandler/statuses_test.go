package tokenhandler

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// Every upstream status comes down as one, as itself if it is listed.
func TestStatuses(t *testing.T) {
	for name, listed := range map[string][]int{"default": DefaultStatuses, "none": {}, "few": {201, 204, 304, 404, 409, 418, 599}} {
		t.Run(name, func(t *testing.T) {
			all := statusesOf(listed)
			exact := map[int]bool{401: true}
			for _, code := range listed {
				exact[code] = true
			}
			for upstream := 100; upstream < 600; upstream++ {
				var down []string
				for _, s := range all {
					if s.pattern != "" && regexp.MustCompile("^(?:"+s.pattern+")$").MatchString(strconv.Itoa(upstream)) {
						down = append(down, s.code)
					}
				}
				want := strconv.Itoa(upstream)
				switch class := upstream / 100; {
				case exact[upstream]:
				case upstream == 206, upstream == defaultStatus, class == 1, class == 3:
					want = "" // 502, the default
				default:
					want = strconv.Itoa(class * 100)
				}
				if strings.Join(down, " ") != want {
					t.Errorf("%d comes down as %q, want %q", upstream, down, want)
				}
			}
		})
	}
}

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
		{oneOrigin(), nil, 31}, {oneOrigin(), []int{201, 404}, 7}, {oneOrigin(), []int{}, 5},
		{of([]int{404}), nil, 6}, {of([]int{404}), []int{201, 404}, 7},
	} {
		if got := size(tt.props, tt.route); got != tt.want {
			t.Errorf("%v of all routes, %v of this: %d integration responses, want %d", tt.props.Statuses, tt.route, got, tt.want)
		}
	}
	for _, wrong := range [][]int{{100}, {600}, {404, 404}} {
		mustContain(t, panicOf(func() { size(oneOrigin(), wrong) }), "tokenhandler: Route.Statuses of /orders has ", "expected statuses from 200 to 599, each once")
		mustContain(t, panicOf(func() { size(of(wrong), nil) }), "tokenhandler: Props.Statuses has ")
	}
	transparent := Route{Path: "/api/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://api.internal.example/{proxy}", Transparent: true, Statuses: []int{404}}
	mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", oneOrigin()).Protect(transparent) }), "passes on everything: expected neither")
}
