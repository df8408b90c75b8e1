package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A session opens the WebSocket API of another project's app from a trusted
// page. Pages of another host of the site and of another site cannot, nor can the
// trusted page after sign-out.
func TestWebSocketInChromium(t *testing.T) {
	findBrowser(t)
	s := start(t, "-app", "test/e2e/testdata/websocket", "-stack", "WebSocket", "-c", "origin={www}", "-c", "issuer={login}", "-c", "provider={back}")
	for _, line := range []string{"WS      /events $connect", "WS      /events $default", "websocket"} {
		if !strings.Contains(s.output.String(), line) {
			t.Errorf("the run does not list %q", line)
		}
	}
	p := openTab(t)
	p.run(t, "sign in", chromedp.Navigate(s.www), state("signed-out"), click("#sign-in"), visible(`input[name="login"]`))
	p.logIn(t)
	p.run(t, "signed in", state("signed-in"))

	type about struct {
		Echo, Origin string
		Expires      int64
		Token        bool
	}
	got := value(t, p, "a conversation", chromedp.Evaluate[struct {
		Echo     about
		Pushed   []string
		Code     int
		Extended string
	}](`(async () => {
		const socket = new WebSocket('`+socketURL(s)+`');
		const waiting = [];
		const queue = [];
		socket.onmessage = ({ data }) => (waiting.length ? waiting.shift()(data) : queue.push(data));
		const next = () => (queue.length ? Promise.resolve(queue.shift()) : new Promise((resolve) => waiting.push(resolve)));
		await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: () => reject(new Error('refused')) }));
		const closed = new Promise((resolve) => { socket.onclose = ({ code }) => resolve(code); });
		socket.send('hello');
		const Echo = JSON.parse(await next());
		socket.send('push');
		const Pushed = [await next(), await next(), await next()];
		socket.send('close');
		return { Echo, Pushed, Code: await closed, Extended: socket.extensions };
	})()`, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if e := got.Echo; e.Echo != "hello" || e.Origin != s.www || !e.Token || time.Unix(e.Expires, 0).Before(time.Now()) {
		t.Errorf("the function saw %+v", e)
	}
	if want := []string{"by domainName", "by callbackUrl", "by variable"}; !slices.Equal(got.Pushed, want) {
		t.Errorf("the backend pushed %q, want %q", got.Pushed, want)
	}
	if got.Code != 1000 || got.Extended != "" {
		t.Errorf("closed with %d and the extensions %q", got.Code, got.Extended)
	}
	s.says(t, `left with 1000, {"origin":"`+s.www+`"`)
	record := s.handshake(t, s.www)
	if record.Status != http.StatusSwitchingProtocols || !strings.Contains(record.cookies, "__Host-th-at") {
		t.Errorf("the trace has %+v", record)
	}

	for _, tt := range []struct {
		name, origin string
		cookies      bool
	}{
		{"another host of the site", strings.Replace(s.www, "www.", "blog.", 1), true},
		{"another site", strings.Replace(s.www, "www.example", "www.other", 1), false},
	} {
		p.run(t, tt.name, chromedp.Navigate(tt.origin))
		p.refused(t, s, tt.name)
		record := s.handshake(t, tt.origin)
		if record.Status != http.StatusForbidden || !strings.Contains(record.message, "rigin") {
			t.Errorf("%s: status %d, %q", tt.name, record.Status, record.message)
		}
		if sent := strings.Contains(record.cookies, "__Host-th-at"); sent != tt.cookies {
			t.Errorf("%s: the browser sent the session's cookies: %t", tt.name, sent)
		}
	}

	p.run(t, "sign out", chromedp.Navigate(s.www), state("signed-in"), click("#sign-out"), visible(`button[name="logout"]`),
		click(`button[name="logout"]`), state("signed-out"))
	p.refused(t, s, "after sign-out")
	if record := s.handshake(t, s.www); record.Status != http.StatusForbidden || !strings.Contains(record.message, "no session cookie") || record.cookies != "" {
		t.Errorf("after sign-out: the trace has %+v", record)
	}
}

// socketURL is the address of the WebSocket API on the host of the REST API.
func socketURL(s *system) string { return "ws" + strings.TrimPrefix(s.api, "http") + "/events" }

// refused opens a WebSocket in the page, which must fail.
func (p *tab) refused(t *testing.T, s *system, who string) {
	t.Helper()
	if got := value(t, p, who, chromedp.Evaluate[string](`new Promise((resolve) => {
		const socket = new WebSocket('`+socketURL(s)+`');
		socket.onopen = () => resolve('opened');
		socket.onclose = ({ code }) => resolve('closed with ' + code);
	})`, chromedp.EvalAwaitPromise)); got != "closed with 1006" {
		t.Errorf("%s: the WebSocket %s", who, got)
	}
}

// handshake is a record of the trace.
type handshake struct {
	Status           int
	Resource, Origin string
	Steps            []struct {
		Rows []struct{ Name, Value string }
	}
	cookies, message string // of the authorizer
}

// handshake returns the last handshake of a page, as the trace shows it.
func (s *system) handshake(t *testing.T, origin string) handshake {
	t.Helper()
	response, err := http.Get(s.trace + "/records")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var records []handshake
	if err := json.NewDecoder(response.Body).Decode(&records); err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Backward(records) {
		if r.Resource != "/events $connect" || r.Origin != origin {
			continue
		}
		for _, step := range r.Steps {
			for _, row := range step.Rows {
				switch row.Name {
				case "Cookie":
					r.cookies = row.Value
				case "context.message":
					r.message = row.Value
				}
			}
		}
		return r
	}
	t.Fatalf("the trace has no handshake of %s", origin)
	return handshake{}
}

// says waits until the run has printed a text.
func (s *system) says(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.output.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the run did not print %q", text)
		}
	}
}
