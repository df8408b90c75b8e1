package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestServerSentEvents reads events in Chromium one by one, through the
// authorizer. The upstream sends the second one when the page has the first. A
// page that has lost its session is refused when its stream connects again, and
// one that has a session renews it.
func TestServerSentEvents(t *testing.T) {
	release := make(chan struct{})
	tokens := make(chan string, 8)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		for _, event := range []string{"one", "two"} {
			fmt.Fprintf(w, "retry: 50\ndata: %s\n\n", event)
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
				return
			}
		}
	}))
	defer upstream.Close()
	s := start(t, "-token-lifetime", "20s", "-c", `routes=[{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders"},`+
		`{"path":"/events","methods":["GET"],"upstream":"{upstream}/events","transparent":true,"stream":true},`+
		`{"path":"/stream","methods":["GET"],"upstream":"`+upstream.URL+`","transparent":true,"stream":true,"timeout":"14m"}]`)

	p := openTab(t)
	p.run(t, "sign in", chromedp.Navigate(s.www), state("signed-out"), click("#sign-in"),
		enter(`input[name="login"]`, demoUser), enter(`input[name="password"]`, demoPassword), chromedp.Submit(chromedp.CSS(`input[name="password"]`)),
		chromedp.WaitNotPresent(chromedp.CSS(`input[name="password"]`)), click(`button[type="submit"]`), state("signed-in"))

	// The sample's panel outlives an access token: its API ends the stream, and the
	// page refreshes and connects again.
	p.run(t, "the sample's stream opens", click("#live"), until(`document.querySelector('#live-state').textContent.includes('Waiting')`))
	renewed := func() bool {
		tokens := map[string]bool{}
		for _, r := range s.recorder.all() {
			if r.URL.Path == "/events" {
				tokens[r.Header.Get("Authorization")] = true
			}
		}
		return len(tokens) > 1
	}
	for deadline := time.Now().Add(time.Minute); !renewed(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the sample's stream did not connect again with a new access token")
		}
	}
	p.run(t, "an order arrives in the renewed stream", enter("#order-item", "tea"), click("#create-order"),
		until(`document.querySelector('#live-orders').textContent.includes('tea')`))
	p.run(t, "the sample's stream is closed", click("#live"), click("#refresh"), until(`document.querySelector('#status').textContent.includes('refreshed')`))

	p.run(t, "the first event arrives while the stream is open", until(`(() => {
		if (!window.stream) {
			window.events = [];
			window.stream = new EventSource("`+s.api+`/stream", {withCredentials: true});
			window.stream.onmessage = (e) => window.events.push(e.data);
		}
		return window.events.join() === "one";
	})()`))
	if token := <-tokens; len(token) < len("Bearer ")+8 || token[:7] != "Bearer " {
		t.Errorf("upstream received an Authorization of %d characters, want the access token", len(token))
	}
	release <- struct{}{}
	p.run(t, "the second event arrives", until(`window.events.join() === "one,two"`))

	if _, err := chromedp.Call(p.Context, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	release <- struct{}{} // ends the stream; the page connects again
	p.run(t, "a stream without a session is refused", until(`window.stream.readyState === EventSource.CLOSED`))
	select {
	case <-tokens:
		t.Error("a request without a session reached upstream")
	default:
	}
}
