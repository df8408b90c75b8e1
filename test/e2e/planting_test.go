package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// atAgent calls an endpoint of the agent from the page's origin and returns
// status and body.
func (p *tab) atAgent(t *testing.T, s *system, method, endpoint string) (status int, body map[string]any) {
	t.Helper()
	type answer struct {
		Status int
		Text   string
	}
	got := value(t, p, endpoint, chromedp.Evaluate[answer](fmt.Sprintf(
		`fetch(%q, {method: %q, credentials: 'include', headers: {'token-handler-version': '1'}}).then(async r => ({Status: r.status, Text: await r.text()}))`,
		s.api+"/oauth-agent/"+endpoint, method), chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	json.Unmarshal([]byte(got.Text), &body)
	return got.Status, body
}

// plant sets cookies from the page on www, a sibling of the API's host.
func (p *tab) plant(t *testing.T, cookies ...string) {
	t.Helper()
	for _, c := range cookies {
		value(t, p, "planting", chromedp.Evaluate[string](fmt.Sprintf(`(document.cookie = %q)`, c+"; Domain=example.localhost; Secure; SameSite=Strict")))
	}
}

// all are the cookies that the browser would send to the agent.
func (p *tab) all(t *testing.T, s *system) []*network.Cookie {
	t.Helper()
	result, err := chromedp.Call(p.Context, network.GetCookies, network.GetCookiesParams{URLs: []string{s.api, s.api + "/oauth-agent/refresh", s.api + "/oauth-agent/claims"}})
	if err != nil {
		t.Fatal(err)
	}
	return result.Cookies
}

func (p *tab) signIn(t *testing.T, s *system) {
	t.Helper()
	p.run(t, "sign in", chromedp.Navigate(s.www), state("signed-out"), click("#sign-in"), visible(`input[name="login"]`))
	p.run(t, "login", enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword),
		chromedp.Submit(chromedp.CSS(`input[name="password"]`)), chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)), visible(`button[type="submit"]`))
	p.run(t, "consent", click(`button[type="submit"]`), state("signed-in"))
}

// A page on a sibling host plants its own session's cookies. The browser is not
// signed in with them, before and during a session of its own, and the agent
// removes them.
func TestPlantingInChromium(t *testing.T) {
	findBrowser(t)
	s := start(t, "-c", "cookieBasePath=/oauth-agent")
	attacker := newPerson(s, false)
	attacker.signIn(t)
	var stolen []string
	for _, name := range []string{"__Secure-th-auth", "__Secure-th-id"} {
		if attacker.session()[name] == "" {
			t.Fatalf("the attacker has no cookie %s", name)
		}
		stolen = append(stolen, name+"="+attacker.session()[name]+"; Path=/oauth-agent")
	}
	p := openTab(t)
	p.run(t, "the page", chromedp.Navigate(s.www), state("signed-out"))
	p.plant(t, stolen...)
	planted := func() (n int) {
		for _, c := range p.all(t, s) {
			if strings.HasPrefix(c.Domain, ".") {
				n++
			}
		}
		return n
	}
	if planted() != 2 {
		t.Fatalf("the browser took %d of 2 planted cookies", planted())
	}
	if status, body := p.atAgent(t, s, "GET", "session"); status != 200 || body["is_logged_in"] != false {
		t.Errorf("session with planted cookies: got %d %v", status, body)
	}
	if planted() != 0 {
		t.Errorf("%d planted cookies are left", planted())
	}
	p.plant(t, stolen...)
	if status, body := p.atAgent(t, s, "POST", "refresh"); status != 401 {
		t.Errorf("refresh with planted cookies: got %d %v", status, body)
	}

	p.signIn(t, s)
	p.plant(t, stolen...)
	for range 2 {
		if status, body := p.atAgent(t, s, "POST", "refresh"); status != 200 {
			t.Errorf("refresh of a session beside planted cookies: got %d %v", status, body)
		}
	}
	if status, body := p.atAgent(t, s, "GET", "session"); status != 200 || body["is_logged_in"] != true {
		t.Errorf("session beside planted cookies: got %d %v", status, body)
	}
	if planted() != 0 {
		t.Errorf("%d planted cookies are left in a session", planted())
	}
	p.run(t, "orders load", click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// Curity's own agent has worked on this host: its cookies have a Domain, and
// paths of their own. Sign-in, API calls, refresh and sign-out work beside them.
func TestCurityAgentInChromium(t *testing.T) {
	if withTable {
		t.Skip("a table of sessions cannot be combined with cookies of the format curity")
	}
	findBrowser(t)
	s := start(t, "-c", "cookieFormat=curity", "-c", "cookiePrefix=example", "-c", "csrfHeader=x-th-csrf")
	theirs := newPerson(s, true)
	theirs.signIn(t) // values of the same form and key as the other agent's
	at, csrf := theirs.session()["example-at"], theirs.session()["example-csrf"]
	p := openTab(t)
	p.run(t, "the page", chromedp.Navigate(s.www), state("signed-out"))
	plant := func() {
		p.plant(t, "example-at="+at+"; Path=/", "example-csrf="+csrf+"; Path=/",
			"example-auth="+at+"; Path=/oauth-agent/refresh", "example-id="+at+"; Path=/oauth-agent/claims")
	}
	p.signIn(t, s)
	plant()
	names := map[string]int{}
	for _, c := range p.all(t, s) {
		names[c.Name]++
	}
	if names["example-at"] != 2 || names["example-auth"] != 2 {
		t.Fatalf("the browser has %v, want two of each", names)
	}
	p.run(t, "orders load", click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	p.run(t, "an order is created", enter("#order-item", "tea"), click("#create-order"),
		until(`document.querySelector('#orders').textContent.includes('tea')`))
	for range 2 {
		if status, body := p.atAgent(t, s, "POST", "refresh"); status != 200 {
			t.Errorf("refresh: got %d %v", status, body)
		}
	}
	if status, body := p.atAgent(t, s, "GET", "claims"); status != 200 {
		t.Errorf("claims: got %d %v", status, body)
	}
	p.run(t, "orders load again", click("#load-orders"), until(`document.querySelector('#received').textContent.includes('active')`))
	if status, body := p.atAgent(t, s, "POST", "logout"); status != 200 {
		t.Errorf("logout: got %d %v", status, body)
	}
	if status, body := p.atAgent(t, s, "GET", "session"); status != 200 || body["is_logged_in"] != false {
		t.Errorf("session after logout: got %d %v", status, body)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
