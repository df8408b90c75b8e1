package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// person is somebody at a browser with the single page application open.
type person struct {
	*system
	*agentClient
	agent   string // path of the agent
	classic bool   // the dialect the application speaks
	csrf    string // classic: the value that login/end returned

	answers []*url.URL // the pages that the provider sent the browser back to
}

func newPerson(s *system, classic bool) *person {
	return &person{system: s, agentClient: newClient(), agent: "/oauth-agent", classic: classic}
}

// header is the header that the application's fetch adds.
func (p *person) header(extra ...string) http.Header {
	h := http.Header{"Origin": {p.www}, "Accept": {"application/json"}}
	switch {
	case !p.classic:
		h.Set("Token-Handler-Version", "1")
	case p.csrf != "":
		h.Set("X-Th-Csrf", p.csrf)
	}
	for i := 0; i+1 < len(extra); i += 2 {
		h.Set(extra[i], extra[i+1])
	}
	return h
}

// call sends a request to the API and decodes the JSON response.
func (p *person) call(t *testing.T, method, path, body string, header http.Header) (int, map[string]any, *response) {
	t.Helper()
	resp, err := p.do(method, p.api+path, body, header)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	var decoded map[string]any
	if resp.body != "" {
		if err := json.Unmarshal([]byte(resp.body), &decoded); err != nil {
			t.Fatalf("%s %s: status %d with a body that is not JSON: %q", method, path, resp.StatusCode, resp.body)
		}
	}
	return resp.StatusCode, decoded, resp
}

// startLogin returns the URL of the provider to go to.
func (p *person) startLogin(t *testing.T) string {
	t.Helper()
	key, body, contentType := "authorization_url", "", "application/x-www-form-urlencoded"
	if p.classic {
		key, body, contentType = "authorizationRequestUrl", "{}", "application/json"
	}
	status, answer, _ := p.call(t, "POST", p.agent+"/login/start", body, p.header("Content-Type", contentType))
	location, _ := answer[key].(string)
	if status != 200 || !strings.HasPrefix(location, p.login) {
		t.Fatalf("login/start: got %d, %v", status, answer)
	}
	return location
}

// atProvider signs in with the provider's own forms and returns the page the
// browser is sent back to.
func (p *person) atProvider(t *testing.T, location string) *url.URL {
	t.Helper()
	page, err := p.do("GET", location, "", nil)
	for range 4 { // login, consent, and the provider's other questions
		if err != nil {
			t.Fatal(err)
		}
		var back *url.URL
		if page, back, err = p.follow(page, "www.example.localhost"); err != nil {
			t.Fatal(err)
		}
		if back != nil {
			p.answers = append(p.answers, back)
			return back
		}
		page, err = p.submit(page, map[string]string{"login": demoUser, "password": demoPassword})
	}
	t.Fatal("the provider did not send the browser back")
	return nil
}

// endLogin hands the page's URL to the agent.
func (p *person) endLogin(t *testing.T, page *url.URL) (int, map[string]any) {
	t.Helper()
	body, contentType := page.RawQuery, "application/x-www-form-urlencoded"
	if p.classic {
		js, err := json.Marshal(map[string]string{"pageUrl": page.String()})
		if err != nil {
			t.Fatal(err)
		}
		body, contentType = string(js), "application/json"
	}
	status, answer, _ := p.call(t, "POST", p.agent+"/login/end", body, p.header("Content-Type", contentType))
	if csrf, ok := answer["csrf"].(string); ok {
		p.csrf = csrf
	}
	return status, answer
}

// signIn goes the whole way.
func (p *person) signIn(t *testing.T) {
	t.Helper()
	status, answer := p.endLogin(t, p.atProvider(t, p.startLogin(t)))
	loggedIn := answer["is_logged_in"]
	if p.classic {
		loggedIn = answer["isLoggedIn"]
	}
	if status != 200 || loggedIn != true || p.classic && p.csrf == "" {
		t.Fatalf("login/end: got %d, %v", status, answer)
	}
}

// session returns the person's cookies at the API.
func (p *person) session() map[string]string { return p.cookies["api.example.localhost"] }

const (
	demoUser     = "demo"
	demoPassword = "demo"
)
