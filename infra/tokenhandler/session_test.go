package tokenhandler

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// agentEnvironment is the environment of the agent's function.
func (t template) agentEnvironment(tb testing.TB) map[string]any {
	tb.Helper()
	for id, f := range t.only("AWS::Lambda::Function") {
		if strings.Contains(id, "AgentFunction") {
			return f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		}
	}
	tb.Fatal("there is no agent function")
	return nil
}

// By default the template lacks these settings: no limits, no hint, no token
// for the page.
func TestSessionSettings(t *testing.T) {
	names := []string{"SESSION_IDLE_LIFETIME", "SESSION_LIFETIME", "LOGOUT", "ID_TOKEN_HINT", "TOKEN_MEDIATION"}
	plain := synth(t, oneOrigin(), nil).agentEnvironment(t)
	for _, name := range names {
		if value, ok := plain[name]; ok {
			t.Errorf("%s is %v by default", name, value)
		}
	}

	props := oneOrigin()
	props.Session.IdleLifetime, props.Session.Lifetime = 30*time.Minute, 8*time.Hour
	props.Session.Logout, props.Session.IDTokenHint, props.Session.TokenMediation = "local", true, true
	set := synth(t, props, nil).agentEnvironment(t)
	for i, want := range []string{"30m0s", "8h0m0s", "local", "true", "true"} {
		if set[names[i]] != want {
			t.Errorf("%s is %v, want %s", names[i], set[names[i]], want)
		}
	}
}

func TestNewRefusesSessionProps(t *testing.T) {
	for want, change := range map[string]func(*Props){
		"Session.IdleLifetime must be a duration of whole seconds such as 30m or 8h, at most 8760h, got -1h0m0s": func(p *Props) { p.Session.IdleLifetime = -time.Hour },
		"Session.Lifetime must be a duration":                    func(p *Props) { p.Session.Lifetime = 1500 * time.Millisecond },
		"Session.Logout must be provider or local, got \"none\"": func(p *Props) { p.Session.Logout = "none" },
	} {
		props := oneOrigin()
		change(props)
		if got := panicOf(func() { New(newStack(t), "TokenHandler", props) }); !strings.HasPrefix(got, "tokenhandler: Props."+want) {
			t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: Props."+want)
		}
	}
}

// The page can have the access token only if the template allows it.
func TestTokenRoute(t *testing.T) {
	routes := func(props *Props) []string {
		var found []string
		template := synth(t, props, nil)
		for _, m := range template.only("AWS::ApiGateway::Method") {
			if path := template.path(m.Properties["ResourceId"]); strings.HasSuffix(path, "/token") {
				found = append(found, m.Properties["HttpMethod"].(string)+" "+path)
			}
		}
		slices.Sort(found)
		return found
	}
	if got := routes(oneOrigin()); len(got) != 0 {
		t.Errorf("by default: got %q, want no value", got)
	}
	on := oneOrigin()
	on.Session.TokenMediation = true
	if got, want := routes(on), []string{"OPTIONS /oauth-agent/token", "POST /oauth-agent/token"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// One token handler leaves no settings to the next.
	if got := routes(oneOrigin()); len(got) != 0 {
		t.Errorf("afterwards: got %q, want no value", got)
	}
}
