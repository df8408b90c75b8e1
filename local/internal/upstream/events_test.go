package upstream

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The API sends the orders of the caller as they are made, those after
// Last-Event-ID first, and ends the stream when the token expires.
func TestEvents(t *testing.T) {
	h, e := start(t)
	e.answers["short"] = active(fmt.Sprintf(`,"exp":%d`, time.Now().Unix()+3))
	server := httptest.NewServer(h)
	defer server.Close()
	order := func(token, item string) {
		serve(h, "POST", "/orders", `{"item":"`+item+`","quantity":1}`, http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}})
	}
	order(goodToken, "missed")
	r, err := http.NewRequest("GET", server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer short"}, "Last-Event-Id": {"2"}, "Origin": {"https://www.example.com"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Access-Control-Allow-Origin") != "https://www.example.com" {
		t.Fatalf("got %d, %v", resp.StatusCode, resp.Header)
	}
	var events []string
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		switch line := lines.Text(); {
		case line == ": connected":
			order("other", "of somebody else")
			order(goodToken, "new")
		case strings.HasPrefix(line, "id: "), strings.HasPrefix(line, "data: "):
			events = append(events, line)
		}
	}
	got := strings.Join(events, "\n")
	if !strings.Contains(got, "id: 3\ndata: ") || !strings.Contains(got, `"missed"`) || !strings.Contains(got, "id: 5\ndata: ") || !strings.Contains(got, `"new"`) || len(events) != 4 {
		t.Errorf("got events\n%s", got)
	}
}

func TestEventsOfForeignPagesHaveNoCORS(t *testing.T) {
	h, e := start(t)
	e.answers[goodToken] = active(fmt.Sprintf(`,"exp":%d`, time.Now().Unix()+2))
	w := serve(h, "GET", "/events", "", http.Header{"Authorization": {"Bearer " + goodToken}, "Origin": {"https://other.example"}})
	if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Vary") != "Origin" {
		t.Errorf("got %d, %v", w.Code, w.Header())
	}
}
