package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

const phantom1 = `"introspectionUrl":"https://a.example/i?tenant=1","introspectionMediaType":"application/json","introspectionClientId":"gw",` + route1

// One field switches it; the others may stay.
func TestStagePhantomToken(t *testing.T) {
	on := &tokenhandler.PhantomToken{IntrospectionURL: "https://a.example/i?tenant=1", MediaType: "application/json", ClientID: "gw"}
	for _, tt := range []struct {
		name      string
		fields    string
		overrides map[string]any
		want      *tokenhandler.PhantomToken
		maxAge    time.Duration
	}{
		{"off", `{` + phantom1 + `}`, nil, nil, 0},
		{"on", `{"usePhantomToken":true,` + phantom1 + `}`, nil, on, 0},
		{"on by -c", `{"usePhantomToken":false,` + phantom1 + `}`, map[string]any{"usePhantomToken": "true"}, on, 0},
		{"off by -c", `{"usePhantomToken":true,` + phantom1 + `}`, map[string]any{"usePhantomToken": "false"}, nil, 0},
		{"maximum age", `{"usePhantomToken":true,"introspectionMaxAge":"30s",` + phantom1 + `}`, nil, on, 30 * time.Second},
		{"not remembered", `{"usePhantomToken":true,"introspectionMaxAge":"0s",` + phantom1 + `}`, nil, on, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := decode(t, tt.fields, tt.overrides)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.phantomToken()
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want != nil {
				c := *want
				c.MaxAge = tt.maxAge
				want = &c
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for fields, want := range map[string]string{
		`{"usePhantomToken":"yes",` + phantom1 + `}`:                             "stage t: usePhantomToken is a string: expected true or false",
		`{"usePhantomToken":true,"introspectionMaxAge":"soon",` + phantom1 + `}`: `stage t: introspectionMaxAge is "soon": expected a duration`,
		`{"usePhantomToken":true,"introspectionMaxAge":"-1s",` + phantom1 + `}`:  `stage t: introspectionMaxAge is "-1s"`,
		`{"routes":[{"path":"/a","scopes":"x"}]}`:                                "stage t: routes.scopes is a string: expected a list",
	} {
		if _, err := decode(t, fields, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", fields, err, want)
		}
	}
}

// What the construct refuses is told in the words of the stage.
func TestStageNamesItsFields(t *testing.T) {
	for overrides, want := range map[[2]string]string{
		{"introspectionUrl", "http://a.example/"}: "introspectionUrl is malformed",
		{"introspectionMediaType", "text/html"}:   "introspectionMediaType is malformed",
		{"verifyTokens", "true"}:                  "audience is missing: expected it with verifyTokens",
		{"audience", "a b"}:                       "audience is malformed",
		{"routes", `[{"path":"/a","methods":["GET"],"upstream":"https://a.example/","scopes":["a b"]}]`}: `Route.Scopes of /a has "a b"`,
	} {
		_, stderr, status := runApp(t, "sound", map[string]any{"stage": "local", "usePhantomToken": "true", overrides[0]: overrides[1]})
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s=%s: status %d, %q; want %q", overrides[0], overrides[1], status, stderr, want)
		}
	}
}
