package e2e

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// A browser opens WebSockets with the cookies of the session, and the bundled
// OAuth proxy decides over the event that API Gateway makes of the handshake. Pages
// of another site send no cookies. Pages of another host of the site send them, and
// their Origin is refused.
func TestWebSocketInChromium(t *testing.T) {
	if overTLS {
		t.Skip("it has a server of its own, without TLS")
	}
	findBrowser(t)
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	program, err := lambdabench.Build(t.Context(), root, t.TempDir(), "./lambda/authorizer")
	if err != nil {
		t.Fatal(err)
	}
	env, events, tokens, err := lambdabench.SignedIn(1)
	if err != nil {
		t.Fatal(err)
	}
	var signedIn struct{ Headers map[string]string }
	if err := json.Unmarshal(events[0], &signedIn); err != nil {
		t.Fatal(err)
	}
	g := &socketGateway{cookies: signedIn.Headers["cookie"]}
	if g.cookies == "" {
		t.Fatal("the event has no cookies")
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.port = server.Listener.Addr().(*net.TCPAddr).Port
	g.authorizer, err = lambdabench.Start(t.Context(), lambdabench.Bootstrap{Name: "authorizer", Path: program,
		Env: append(env, "TRUSTED_WEB_ORIGINS="+g.origin("www.example.localhost"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.authorizer.Close)

	p := openTab(t)
	p.run(t, "the API sets the cookies", chromedp.Navigate(g.origin("api.example.localhost")+"/sign-in"), visible("#done"))
	for _, tt := range []struct {
		host, want string
		cookies    bool
	}{
		{"www.example.localhost", "allowed", true},
		{"blog.example.localhost", "refused", true},
		{"www.other.localhost", "refused", false},
	} {
		p.run(t, tt.host+" opens a WebSocket", chromedp.Navigate(g.origin(tt.host)+"/"), until(`document.querySelector('#result').textContent !== ''`))
		last := g.handshake()
		if got := p.text(t, "#result"); got != tt.want {
			t.Errorf("%s: got %q, want %q; the authorizer answered %s", tt.host, got, tt.want, strings.ReplaceAll(last.answer, tokens[0], "…"))
		}
		if got := last.header.Get("Origin"); got != g.origin(tt.host) {
			t.Errorf("%s: the browser sent Origin %q", tt.host, got)
		}
		if got := strings.Contains(last.header.Get("Cookie"), "__Host-th-at="); got != tt.cookies {
			t.Errorf("%s: the browser sent the session's cookies: %t, want %t", tt.host, got, tt.cookies)
		}
		if got := strings.Contains(last.answer, tokens[0]); got != (tt.want == "allowed") {
			t.Errorf("%s: the answer has the token: %t", tt.host, got)
		}
	}
}

// socketGateway stands for API Gateway: it asks the authorizer of $connect, and
// upgrades the connection if it allows that.
type socketGateway struct {
	port       int
	cookies    string // of a signed-in browser
	authorizer *lambdabench.Environment

	mu   sync.Mutex
	last handshake
}

type handshake struct {
	header http.Header
	answer string
}

func (g *socketGateway) origin(host string) string { return fmt.Sprintf("http://%s:%d", host, g.port) }

func (g *socketGateway) handshake() handshake {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

func (g *socketGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/favicon.ico":
		http.NotFound(w, r)
	case r.URL.Path == "/sign-in":
		for pair := range strings.SplitSeq(g.cookies, "; ") {
			w.Header().Add("Set-Cookie", pair+"; Path=/; Secure; HttpOnly; SameSite=Strict")
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<p id=done>signed in")
	case r.Header.Get("Upgrade") == "websocket":
		g.connect(w, r)
	default:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<p id=result></p><script>
			const socket = new WebSocket('ws://api.example.localhost:%d/events');
			const say = (text) => { document.querySelector('#result').textContent = text; };
			socket.onmessage = (event) => say(event.data);
			socket.onerror = () => say('refused');
		</script>`, g.port)
	}
}

// connect makes the event of the Amazon API Gateway Developer Guide, "Control access
// to WebSocket APIs with AWS Lambda REQUEST authorizers".
func (g *socketGateway) connect(w http.ResponseWriter, r *http.Request) {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[name] = values[len(values)-1]
	}
	event, err := json.Marshal(map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/default/$connect",
		"headers": headers, "multiValueHeaders": r.Header,
		"requestContext": map[string]any{"routeKey": "$connect", "eventType": "CONNECT", "stage": "default", "requestId": "id"},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := g.authorizer.Invoke(r.Context(), event)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	g.mu.Lock()
	g.last = handshake{r.Header.Clone(), string(answer.Body)}
	g.mu.Unlock()
	if !strings.Contains(string(answer.Body), `"Effect":"Allow"`) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	// RFC 6455 section 4.2.2, item 5.4.
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	const message = "allowed"
	fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81%c%s",
		base64.StdEncoding.EncodeToString(accept[:]), len(message), message)
	connection.Read(make([]byte, 1)) // until the page leaves
}
