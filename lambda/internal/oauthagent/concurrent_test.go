package oauthagent

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// G15: no data of one request stays for another, also if one process serves
// several at once. Each request gets its own user, or no user if it has no
// cookies.
func TestConcurrentRequests(t *testing.T) {
	w := newWorld(t)
	var wait sync.WaitGroup
	for n := range 20 {
		wait.Go(func() {
			user, id := fmt.Sprintf("user-%d", n), newSession(w.now)
			for i := range 20 {
				r := httptest.NewRequest("GET", "/oauth-agent/session", nil)
				r.Header.Set("Origin", origin)
				want := any(nil)
				if i%2 == 0 {
					want = user
					access := w.seal(names.AccessToken, cookie.Content{Session: id, Expires: w.now.Add(time.Hour), Token: "a"})
					idToken := w.seal(names.IDToken, cookie.Content{Session: id, Token: oauthtest.Unsigned(map[string]any{"sub": user})})
					r.Header.Set("Cookie", names.AccessToken+"="+access+"; "+names.IDToken+"="+idToken)
				}
				recorder := httptest.NewRecorder()
				w.agent.ServeHTTP(recorder, r)
				var answer struct {
					LoggedIn bool           `json:"is_logged_in"`
					Claims   map[string]any `json:"claims"`
				}
				if json.Unmarshal(recorder.Body.Bytes(), &answer) != nil || answer.Claims["sub"] != want || answer.LoggedIn != (want != nil) {
					t.Errorf("%s, request %d: got %s", user, i, recorder.Body)
				}
			}
		})
	}
	wait.Wait()
}
