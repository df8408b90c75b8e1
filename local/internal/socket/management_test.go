package socket

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tokenhandler/aws/local/internal/template"
)

const signature = "AWS4-HMAC-SHA256 Credential=local/20261127/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=00"

// command sends an @connections command as an AWS SDK does.
func (b *bench) command(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.management.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = domain
	request.Header.Set("Authorization", signature)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestManagement(t *testing.T) {
	b := newBench(t, nil)
	ws, id := b.open(t)
	at := "/events/@connections/" + url.PathEscape(id)
	if response, _ := b.command(t, "POST", at, "from the backend"); response.StatusCode != 200 {
		t.Fatalf("POST: got %d", response.StatusCode)
	}
	if got := read(t, ws); got != "from the backend" {
		t.Errorf("the client received %q", got)
	}
	// As awscurl sends it, at the path of the mapping.
	encoded := "/live/%40connections/" + strings.ReplaceAll(id, "=", "%3D")
	ws.SetReadLimit(-1)
	if response, _ := b.command(t, "POST", encoded, strings.Repeat("x", 128<<10)); response.StatusCode != 200 {
		t.Fatalf("POST of 128 KB: got %d", response.StatusCode)
	}
	if got := read(t, ws); len(got) != 128<<10 {
		t.Errorf("the client received %d bytes", len(got))
	}
	response, body := b.command(t, "GET", at, "")
	var got struct {
		ConnectedAt, LastActiveAt time.Time
		Identity                  struct{ SourceIP string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || response.StatusCode != 200 || got.ConnectedAt.IsZero() ||
		got.LastActiveAt.Before(got.ConnectedAt) || got.Identity.SourceIP != "127.0.0.1" {
		t.Errorf("GET: got %d %s, %v", response.StatusCode, body, err)
	}
	if response, _ := b.command(t, "DELETE", at, ""); response.StatusCode != 204 {
		t.Errorf("DELETE: got %d", response.StatusCode)
	}
	if code := closeCode(t, ws); code != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", code)
	}
	b.next(t, "OnDisconnect")
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if response, _ := b.command(t, method, at, ""); response.StatusCode != 410 || response.Header.Get("X-Amzn-ErrorType") != "GoneException" {
			t.Errorf("%s after the end: got %d %v", method, response.StatusCode, response.Header)
		}
	}
	if strings.Contains(b.log.String(), id) {
		t.Error("the log contains the id of a connection")
	}
}

func TestManagementRefuses(t *testing.T) {
	b := newBench(t, nil)
	other := events()
	other.ID, other.LogicalID, other.Stage, other.Paths = "otherapi00", "Other", "other", []string{"/other"}
	b.use(t, events(), other)
	_, id := b.open(t)
	at := "/events/@connections/" + id
	for _, tt := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		kind                     string
	}{
		{"unsigned", "POST", at, "x", []string{"Authorization", ""}, 403, "MissingAuthenticationTokenException"},
		{"a bearer token", "POST", at, "x", []string{"Authorization", "Bearer token"}, 403, "MissingAuthenticationTokenException"},
		{"another scheme", "POST", at, "x", []string{"Authorization", strings.Replace(signature, "AWS4-HMAC-SHA256", "Basic", 1)}, 403, "MissingAuthenticationTokenException"},
		{"signed for another service", "POST", at, "x", []string{"Authorization", strings.Replace(signature, "execute-api", "s3", 1)}, 403, "MissingAuthenticationTokenException"},
		{"from a page", "POST", at, "x", []string{"Origin", "http://www.example.localhost:3000"}, 403, "ForbiddenException"},
		{"from a page without Origin", "GET", at, "", []string{"Sec-Fetch-Site", "cross-site"}, 403, "ForbiddenException"},
		{"another host", "POST", at, "x", []string{"Host", "evil.example:3008"}, 403, "ForbiddenException"},
		{"another verb", "PUT", at, "x", nil, 403, "ForbiddenException"},
		{"no such path", "POST", "/none/@connections/" + id, "x", nil, 403, "ForbiddenException"},
		{"no command", "POST", "/events", "x", nil, 403, "ForbiddenException"},
		{"no id", "POST", "/events/@connections/", "x", nil, 403, "ForbiddenException"},
		{"unknown id", "POST", "/events/@connections/abc=", "x", nil, 410, "GoneException"},
		{"a connection of another API", "POST", "/other/@connections/" + id, "x", nil, 410, "GoneException"},
		{"over 128 KB", "POST", at, strings.Repeat("x", 128<<10+1), nil, 413, "PayloadTooLargeException"},
		{"not UTF-8", "POST", at, "\xff", nil, 400, "BadRequestException"},
	} {
		response, body := b.command(t, tt.method, tt.path, tt.body, tt.header...)
		if response.StatusCode != tt.status || response.Header.Get("X-Amzn-ErrorType") != tt.kind {
			t.Errorf("%s: got %d %s %s, want %d %s", tt.name, response.StatusCode, response.Header.Get("X-Amzn-ErrorType"), body, tt.status, tt.kind)
		}
	}
	if response, _ := b.command(t, "GET", at, ""); response.StatusCode != 200 {
		t.Errorf("the connection has ended: %d", response.StatusCode)
	}
}

// AWS: "A message was posted to the WebSocket API before the connection was established" is a reason of 410.
func TestPostBeforeConnected(t *testing.T) {
	b := newBench(t, func(a *template.WebSocketAPI) { a.Routes[0].Timeout = time.Minute })
	b.set("OnConnect", "hang")
	go b.dial(t, "/events", nil)
	b.next(t, "Proxy")
	id := field(b.next(t, "OnConnect"), "requestContext.connectionId").(string)
	if response, _ := b.command(t, "POST", "/events/@connections/"+id, "x"); response.StatusCode != 410 {
		t.Errorf("got %d", response.StatusCode)
	}
	b.management.CloseClientConnections()
}
