package oauthagent

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
)

// The place goes through the sealed login cookie and comes back once, when the
// login ends.
func TestPlaceComesBack(t *testing.T) {
	dialects(t, func(w *world) {
		const place = "/orders/7?tab=items&q=Zoë%20Å#line-2"
		start := withBody("application/x-www-form-urlencoded", url.Values{"return_to": {place}, "prompt": {"login"}}.Encode())
		if !w.assistant {
			text, _ := json.Marshal(map[string]any{"returnTo": place, "extraParams": []map[string]string{{"key": "prompt", "value": "login"}}})
			start = withBody("application/json", string(text))
		}
		authorization := w.start(start)
		if strings.Contains(authorization, "return") || !strings.Contains(authorization, "prompt=login") {
			w.Errorf("the authorization request is %s", authorization)
		}
		got := w.end(w.provider.Authorize(w, authorization))
		if got.json["return_to"] != place || got.json["returnTo"] != place {
			w.Errorf("got %s", got.text)
		}
		for _, endpoint := range []string{"session"} {
			if got := w.do("GET", endpoint); got.json["return_to"] != nil {
				w.Errorf("%s: got %s", endpoint, got.text)
			}
		}
		// A login without a place returns no place.
		got = w.end(w.provider.Authorize(w, w.start()))
		if got.json["return_to"] != nil || got.json["handled"] != true {
			w.Errorf("got %s", got.text)
		}
	})
}

func TestPlaceIsOfTheSameOrigin(t *testing.T) {
	for _, tt := range []struct {
		place string
		ok    bool
	}{
		{"/", true}, {"/a/b?c=d&e#f", true}, {"/?next=https://other.example/", true}, {"/a//b", true},
		{"/" + strings.Repeat("x", maxPlace-1), true}, {"/" + strings.Repeat("x", maxPlace), false},
		{"orders", false}, {"?a", false}, {"#a", false}, {"//other.example/", false}, {"///other.example/", false},
		{`/\other.example/`, false}, {`\\other.example/`, false}, {"/\t/other.example/", false}, {"/\n/other.example/", false},
		{"https://www.example.com/", false}, {"https://other.example/", false}, {"javascript:alert(1)", false},
		{" /", false}, {"/a b", false}, {"/#100%", true}, {"/\xff", false}, {"/\x00", false},
	} {
		for contentType, body := range map[string]string{
			"application/x-www-form-urlencoded": url.Values{"return_to": {tt.place}}.Encode(),
			"application/json":                  func() string { text, _ := json.Marshal(map[string]string{"returnTo": tt.place}); return string(text) }(),
		} {
			if strings.Contains(tt.place, "\xff") && contentType == "application/json" {
				continue // encoding/json replaces it
			}
			t.Run(fmt.Sprintf("%.30q as %s", tt.place, contentType), func(t *testing.T) {
				w := newWorld(t)
				got := w.do("POST", "login/start", withBody(contentType, body))
				if !tt.ok {
					w.fails(got, 400, "invalid_request")
				} else if got.StatusCode != 200 {
					t.Errorf("got %d %s", got.StatusCode, got.text)
				}
			})
		}
	}
	w := newWorld(t)
	w.fails(w.do("POST", "login/start", withBody("application/x-www-form-urlencoded", "return_to=/a&return_to=/b")), 400, "invalid_request")
}

// Long places of several pending logins do not bring the browser's headers to
// the limit of API Gateway.
func TestPlaceIsDroppedBeforeHeadersGrowTooLarge(t *testing.T) {
	w := newWorld(t)
	w.tokensOf(3400)
	w.signIn()
	kept := 0
	form := url.Values{"return_to": {"/" + strings.Repeat("x", maxPlace-1)}}.Encode()
	for range cookie.MaxLogins {
		got := w.end(w.provider.Authorize(t, w.start(withBody("application/x-www-form-urlencoded", form))))
		if got.json["return_to"] != nil {
			kept++
		}
	}
	if kept != cookie.MaxLogins {
		t.Errorf("one login at a time: kept %d places, want all", kept)
	}
	for range cookie.MaxLogins {
		w.start(withBody("application/x-www-form-urlencoded", form))
	}
	size := 0
	for name, value := range w.cookies {
		size += len(name) + len(value) + len("=; ")
	}
	if size > maxHeaders-500 {
		t.Errorf("the cookies take %d bytes", size)
	}
}
