package socket

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/local/internal/template"
)

// The events have the members that AWS documents and that Powertools for AWS Lambda recorded.
func TestHandshakeEvents(t *testing.T) {
	b := newBench(t, func(a *template.WebSocketAPI) { a.StageVariables = map[string]string{"colour": "blue"} })
	ws, _, err := b.dial(t, "/events?room=one&room=confidential", &websocket.DialOptions{HTTPHeader: http.Header{
		"Origin": {"http://www.example.localhost:3000"}, "Cookie": {"__Host-th-at=sealed"}, "User-Agent": {"Mozilla/5.0"}}})
	if err != nil {
		t.Fatal(err)
	}
	asked, connected := b.next(t, "Proxy"), b.next(t, "OnConnect")
	for path, want := range map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/events/$connect",
		"headers.Origin": "http://www.example.localhost:3000", "headers.Cookie": "__Host-th-at=sealed", "headers.Connection": "upgrade",
		"headers.Upgrade": "websocket", "headers.Sec-WebSocket-Version": "13", "headers.X-Forwarded-For": "127.0.0.1",
		"headers.X-Forwarded-Proto": "http", "queryStringParameters.room": "confidential", "stageVariables.colour": "blue",
		"requestContext.routeKey": "$connect", "requestContext.eventType": "CONNECT", "requestContext.messageDirection": "IN",
		"requestContext.stage": "events", "requestContext.apiId": "abcdef1234", "requestContext.domainName": domain,
		"requestContext.identity.sourceIp": "127.0.0.1", "requestContext.identity.userAgent": "Mozilla/5.0", "requestContext.authorizer": nil,
		"httpMethod": nil, "resource": nil, "pathParameters": nil,
	} {
		if got := field(asked, path); got != want {
			t.Errorf("authorizer: %s is %v, want %v", path, got, want)
		}
	}
	if d := cmp.Diff([]any{"one", "confidential"}, field(asked, "multiValueQueryStringParameters.room")); d != "" {
		t.Errorf("multi-valued query (-want +got):\n%s", d)
	}
	id := regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)
	for _, name := range []string{"connectionId", "requestId", "extendedRequestId"} {
		if got, _ := field(asked, "requestContext."+name).(string); !id.MatchString(got) {
			t.Errorf("%s is %q", name, got)
		}
	}
	for path, want := range map[string]any{
		"type": nil, "methodArn": nil, "headers.Connection": nil, "headers.Upgrade": nil, "isBase64Encoded": false, "stageVariables.colour": "blue",
		"headers.Origin": "http://www.example.localhost:3000", "requestContext.connectionId": field(asked, "requestContext.connectionId"),
		"requestContext.authorizer.principalId": "demo", "requestContext.authorizer.token": "Bearer secret-token",
		"requestContext.authorizer.expires": "1700000000", "requestContext.authorizer.active": "true", // stringified
	} {
		if got := field(connected, path); got != want {
			t.Errorf("$connect: %s is %v, want %v", path, got, want)
		}
	}

	write(t, ws, `{"action":"tell"}`)
	message := b.next(t, "Tell")
	for path, want := range map[string]any{
		"headers": nil, "body": `{"action":"tell"}`, "requestContext.eventType": "MESSAGE", "requestContext.routeKey": "tell",
		"requestContext.authorizer.token": "Bearer secret-token", "requestContext.connectedAt": field(asked, "requestContext.connectedAt"),
	} {
		if got := field(message, path); got != want {
			t.Errorf("message: %s is %v, want %v", path, got, want)
		}
	}
	if got, _ := field(message, "requestContext.messageId").(string); !id.MatchString(got) || field(message, "requestContext.requestId") == field(asked, "requestContext.requestId") {
		t.Errorf("message: got the ids %v", message["requestContext"])
	}

	ws.Close(4321, "enough")
	left := b.next(t, "OnDisconnect")
	for path, want := range map[string]any{
		"headers.Host": domain, "requestContext.eventType": "DISCONNECT", "requestContext.disconnectStatusCode": 4321.0,
		"requestContext.disconnectReason": "enough", "requestContext.authorizer.principalId": "demo",
	} {
		if got := field(left, path); got != want {
			t.Errorf("$disconnect: %s is %v, want %v", path, got, want)
		}
	}
	for _, secret := range []string{"sealed", "secret-token", "enough", "confidential"} {
		if strings.Contains(b.log.String(), secret) || strings.Contains(string(b.trace.JSON()), secret) {
			t.Errorf("the log or the trace contains %q", secret)
		}
	}
	if got := string(b.trace.JSON()); !strings.Contains(got, `/events $connect`) || !strings.Contains(got, "__Host-th-at") {
		t.Errorf("the trace lacks the handshake: %s", got)
	}
}

func TestHandshakeRefusals(t *testing.T) {
	deny := strings.Replace(allow, "Allow", "Deny", 1)
	for _, tt := range []struct {
		name    string
		edit    func(*template.WebSocketAPI)
		answers map[string]string
		header  http.Header
		path    string
		status  int
		asked   string // functions in order
	}{
		{"deny", nil, map[string]string{"Proxy": deny}, nil, "", 403, "Proxy"},
		{"policy of another API", nil, map[string]string{"Proxy": strings.Replace(allow, "abcdef1234", "otherapi00", 1)}, nil, "", 403, "Proxy"},
		{"policy of a REST method", nil, map[string]string{"Proxy": strings.Replace(allow, "/events/$connect", "/events/GET/*", 1)}, nil, "", 403, "Proxy"},
		{"Unauthorized", nil, map[string]string{"Proxy": `{"errorMessage":"Unauthorized"}`}, nil, "", 401, "Proxy"},
		{"authorizer fails", nil, map[string]string{"Proxy": `{"errorMessage":"boom"}`}, nil, "", 500, "Proxy"},
		{"authorizer cannot run", nil, map[string]string{"Proxy": "broken"}, nil, "", 500, "Proxy"},
		{"authorizer without a policy", nil, map[string]string{"Proxy": `{"principalId":"x"}`}, nil, "", 500, "Proxy"},
		{"authorizer result over 8 KB", nil, map[string]string{"Proxy": strings.Replace(allow, "secret-token", strings.Repeat("x", 8<<10), 1)}, nil, "", 500, "Proxy"},
		{"missing identity source", identity("route.request.header.Cookie"), nil, nil, "", 401, ""},
		{"empty identity source", identity("route.request.querystring.token"), nil, nil, "?token=", 401, ""},
		{"one of two identity sources", identity("route.request.header.Cookie", "stageVariables.none"), nil, http.Header{"Cookie": {"a=b"}}, "", 401, ""},
		{"integration refuses", nil, map[string]string{"OnConnect": `{"statusCode":400}`}, nil, "", 400, "Proxy OnConnect"},
		{"integration redirects", nil, map[string]string{"OnConnect": `{"statusCode":302}`}, nil, "", 302, "Proxy OnConnect"},
		{"integration fails", nil, map[string]string{"OnConnect": `{"errorMessage":"boom"}`}, nil, "", 502, "Proxy OnConnect"},
		{"integration returns no response", nil, map[string]string{"OnConnect": `null`}, nil, "", 502, "Proxy OnConnect"},
		{"integration hangs", func(a *template.WebSocketAPI) { a.Routes[0].Timeout = 1e6 }, map[string]string{"OnConnect": "hang"}, nil, "", 504, "Proxy OnConnect"},
		{"long URL", nil, nil, nil, "?" + strings.Repeat("x", 4096), 414, ""},
		{"malformed query", nil, nil, nil, "?a=%zz", 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.edit)
			for function, answer := range tt.answers {
				b.set(function, answer)
			}
			_, response, err := b.dial(t, "/events"+tt.path, &websocket.DialOptions{HTTPHeader: tt.header})
			if err == nil || response == nil || response.StatusCode != tt.status {
				t.Fatalf("got %v, %v; want status %d", response, err, tt.status)
			}
			var asked []string
			for len(b.events) > 0 {
				asked = append(asked, (<-b.events)["function"].(string))
			}
			if got := strings.Join(asked, " "); got != tt.asked {
				t.Errorf("invoked %q, want %q", got, tt.asked)
			}
			if body, _ := io.ReadAll(response.Body); strings.Contains(string(body), "boom") || strings.Contains(b.log.String(), "boom") {
				t.Errorf("the refusal or the log shows a function's error: %s", body)
			}
			b.empty(t)
		})
	}
}

func identity(sources ...string) func(*template.WebSocketAPI) {
	return func(a *template.WebSocketAPI) { a.Routes[0].Authorizer.IdentitySources = sources }
}

func TestIdentitySourcesPresent(t *testing.T) {
	b := newBench(t, func(a *template.WebSocketAPI) {
		a.StageVariables = map[string]string{"colour": "blue"}
		identity("route.request.header.cookie", "route.request.header.host", "route.request.header.Sec-WebSocket-Key", "route.request.querystring.q", "stageVariables.colour", "context.identity.sourceIp")(a)
	})
	if _, _, err := b.dial(t, "/events?q=1", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {"a=b"}}}); err != nil {
		t.Error(err)
	}
}

// A malformed handshake is refused before a function sees it. Other requests go to the REST API.
func TestOtherRequests(t *testing.T) {
	b := newBench(t, nil)
	url := strings.Replace(b.url, "ws", "http", 1)
	for _, tt := range []struct {
		name, method, path string
		header             http.Header
		status             int
		body               string
	}{
		{"no upgrade", "GET", "/events", nil, 200, "rest"},
		{"another upgrade", "GET", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"h2c"}}, 200, "rest"},
		{"another path", "GET", "/orders", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, 200, "rest"},
		{"management", "POST", "/events/@connections/x", nil, 200, "rest"},
		{"POST", "POST", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"eHh4eHh4eHh4eHh4eHh4eA=="}}, 400, ""},
		{"old version", "GET", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"8"}, "Sec-Websocket-Key": {"eHh4eHh4eHh4eHh4eHh4eA=="}}, 400, ""},
		{"no Connection header", "GET", "/events", http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"eHh4eHh4eHh4eHh4eHh4eA=="}}, 400, ""},
		{"short key", "GET", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"eHh4"}}, 400, ""},
		{"two keys", "GET", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"eHh4eHh4eHh4eHh4eHh4eA==", "eHh4eHh4eHh4eHh4eHh4eA=="}}, 400, ""},
		{"no key", "GET", "/events", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}}, 400, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.header != nil {
			request.Header = tt.header.Clone()
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != tt.status || tt.body != "" && string(body) != tt.body {
			t.Errorf("%s: got %d %q, want %d", tt.name, response.StatusCode, body, tt.status)
		}
	}
	if len(b.events) > 0 {
		t.Errorf("a function was invoked: %v", <-b.events)
	}
	if _, _, err := b.dial(t, "/live/", nil); err != nil {
		t.Errorf("the path of a mapping, with a slash: %v", err)
	}
}

// Without an authorizer, pages of other machines cannot reach the functions of this one. Names of this machine that resolve
// elsewhere, and names of others that resolve to it (DNS rebinding), do not pass.
func TestForeignPages(t *testing.T) {
	for origin, refused := range map[string]bool{
		"": false, "http://www.example.localhost:3000": false, "http://localhost:5173": false, "https://127.0.0.1:3000": false, "http://[::1]:3000": false,
		"https://evil.example": true, "http://evil.example:3001": true, "http://localhost.evil.example": true, "http://evillocalhost": true,
		"http://127.0.0.1.evil.example": true, "http://192.168.0.10": true, "null": true, "http://%zz": true, "file://": true,
	} {
		open := newBench(t, func(a *template.WebSocketAPI) { a.Routes[0].Authorizer = nil })
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		ws, response, err := open.dial(t, "/events", &websocket.DialOptions{HTTPHeader: header})
		if err == nil {
			ws.CloseNow()
		}
		if got := err != nil && response != nil && response.StatusCode == 403 && len(open.events) == 0; got != refused || !refused && err != nil {
			t.Errorf("origin %q: got %v, want it refused: %t", origin, err, refused)
		}
	}
	// An authorizer decides itself.
	b := newBench(t, nil)
	if _, _, err := b.dial(t, "/events", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}}); err != nil {
		t.Error(err)
	}
	if got := field(b.next(t, "Proxy"), "headers.Origin"); got != "https://evil.example" {
		t.Errorf("the authorizer was asked about %v", got)
	}
}

func TestSubprotocol(t *testing.T) {
	b := newBench(t, nil)
	b.set("OnConnect", `{"statusCode":200,"headers":{"sec-websocket-protocol":"chat.v2"}}`)
	ws, _, err := b.dial(t, "/events", &websocket.DialOptions{Subprotocols: []string{"chat.v1", "chat.v2"}})
	if err != nil || ws.Subprotocol() != "chat.v2" {
		t.Fatalf("got %v, %v", ws, err)
	}
	b.set("OnConnect", `{"statusCode":200}`)
	if ws, _, err = b.dial(t, "/events", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}}); err != nil || ws.Subprotocol() != "" {
		t.Errorf("got %q, %v; want no subprotocol without the integration's choice", ws.Subprotocol(), err)
	}
}

func TestNewRefuses(t *testing.T) {
	for expression, edit := range map[string]func(*template.WebSocketAPI){
		"IdentitySource of Proxy":  identity("method.request.header.Cookie"),
		"RouteSelectionExpression": func(a *template.WebSocketAPI) { a.RouteSelection = "$request.header.x" },
	} {
		a := events()
		edit(a)
		_, err := New([]*template.WebSocketAPI{a}, Options{Invoke: (&bench{}).invoke})
		if err == nil || !strings.Contains(err.Error(), "Stack/Events (Events): property "+expression) {
			t.Errorf("got %v, want an error about %s", err, expression)
		}
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("no error without Invoke")
	}
}

func TestRoutes(t *testing.T) {
	compiled, err := New([]*template.WebSocketAPI{events()}, Options{Invoke: (&bench{}).invoke})
	if err != nil {
		t.Fatal(err)
	}
	routes := compiled.Routes()
	if len(routes) != 4 || routes[0].Method != "WS" || routes[0].Path != "/events $connect" || !routes[3].Protected || routes[3].Integration != "AWS_PROXY Tell" {
		t.Errorf("got %v", routes)
	}
}
