package oauthagent

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/lambda/internal/dpop"
)

// The page never gets a token with a key in its cookie, left from before DPoP
// was switched off. A refresh replaces it.
func TestTokenMediationShowsNoKey(t *testing.T) {
	mediating(t, func(w *world) {
		content, err := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
		if err != nil {
			w.Fatal(err)
		}
		key, err := dpop.NewKey()
		if err != nil {
			w.Fatal(err)
		}
		content.Token = key.Bind(content.Token)
		w.cookies[names.AccessToken] = names.Seal(w.ring, names.AccessToken, content)
		got := w.do("POST", "token")
		w.fails(got, 401, "token_expired")
		if strings.Contains(got.text, "dpop-bound") {
			w.Error("the answer shows the key")
		}
		w.refreshes()
		if got := w.do("POST", "token"); got.StatusCode != 200 {
			w.Errorf("after a refresh: got %d", got.StatusCode)
		}
	})
}
