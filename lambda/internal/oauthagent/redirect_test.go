package oauthagent

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/tokenhandler/aws/internal/settings"
)

const previewPage = "https://pr-7.preview.example.com"

// several has two further redirect URIs and previews.
func several(t *testing.T) *world {
	w := newWorld(t)
	app := &settings.Application{
		TrustedWebOrigins: []string{"https://www.example.com", "https://admin.example.com"}, RedirectURI: "https://www.example.com/",
		OtherRedirectURIs: []string{"https://www.example.com/callback", "https://admin.example.com/callback"},
		PreviewOrigin:     "https://*.preview.example.com",
	}
	w.reconfigure(func(c *Config) {
		c.RedirectURIs = app.RedirectURIs
		c.Rules.TrustedOrigins, c.Rules.PreviewOrigin = app.TrustedWebOrigins, app.PreviewOrigin
	})
	return w
}

func asked(redirectURI string) string {
	return url.Values{"redirect_uri": {redirectURI}}.Encode()
}

// The page that starts a login gets the response on its own origin, on the page
// that it chose.
func TestRedirectURIOfTheStartingPage(t *testing.T) {
	const main = "https://www.example.com/"
	for _, tt := range []struct {
		name, origin, asked, want string
	}{
		{"the default", "https://www.example.com", "", main},
		{"the first of the origin", "https://admin.example.com", "", "https://admin.example.com/callback"},
		{"the configured one, asked for", "https://www.example.com", main, main},
		{"another one, asked for", "https://www.example.com", "https://www.example.com/callback", "https://www.example.com/callback"},
		{"a preview", previewPage, "", previewPage + "/"},
		{"a preview, asked for", previewPage, previewPage + "/", previewPage + "/"},

		{"another origin's", "https://www.example.com", "https://admin.example.com/callback", ""},
		{"not listed", "https://www.example.com", "https://www.example.com/other", ""},
		{"a prefix", "https://www.example.com", "https://www.example.com", ""},
		{"with a query", "https://www.example.com", "https://www.example.com/callback?x=1", ""},
		{"with a dot segment", "https://www.example.com", "https://www.example.com/x/../callback", ""},
		{"in upper case", "https://www.example.com", "https://WWW.example.com/callback", ""},
		{"foreign", "https://www.example.com", "https://evil.example/", ""},
		{"a script", "https://www.example.com", "javascript:alert(1)", ""},
		{"a preview's, asked for by the application", "https://www.example.com", previewPage + "/", ""},
		{"another preview's", previewPage, "https://pr-8.preview.example.com/", ""},
		{"the application's, asked for by a preview", previewPage, main, ""},
		{"another page of the preview", previewPage, previewPage + "/callback", ""},
	} {
		form := func() (string, string) { return "application/x-www-form-urlencoded", asked(tt.asked) }
		document := func() (string, string) {
			text, _ := json.Marshal(map[string]string{"redirectUri": tt.asked})
			return "application/json", string(text)
		}
		for kind, body := range map[string]func() (string, string){"form": form, "json": document} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				w := several(t)
				got := w.do("POST", "login/start", header("Origin", tt.origin), withBody(body()))
				if tt.want == "" {
					w.fails(got, 400, "invalid_request")
					return
				}
				authorization, err := url.Parse(got.json["authorization_url"].(string))
				if err != nil || authorization.Query().Get("redirect_uri") != tt.want {
					t.Errorf("got %s, %v, want redirect_uri %s", authorization, err, tt.want)
				}
			})
		}
	}
	w := several(t)
	w.fails(w.do("POST", "login/start", withBody("application/x-www-form-urlencoded", asked("https://www.example.com/")+"&"+asked("https://www.example.com/"))), 400, "invalid_request")
}

// The token request has the redirect URI of the authorization request. Only a
// page of its origin ends the login.
func TestLoginEndsWhereItStarted(t *testing.T) {
	w := several(t)
	w.provider.RedirectURI = previewPage + "/"
	query := w.provider.Authorize(t, w.start(header("Origin", previewPage)))
	end := func(origin string) response {
		document, _ := json.Marshal(map[string]string{"pageUrl": previewPage + "/?" + query.Encode()})
		form := w.do("POST", "login/end", header("Origin", origin), withBody("application/x-www-form-urlencoded", query.Encode()))
		if form.StatusCode == 200 && form.json["is_logged_in"] == true {
			return form
		}
		return w.do("POST", "login/end", header("Origin", origin), withBody("application/json", string(document)))
	}
	for _, other := range []string{"https://www.example.com", "https://admin.example.com", "https://pr-8.preview.example.com"} {
		if got := end(other); got.StatusCode == 200 && got.json["is_logged_in"] != false {
			t.Fatalf("%s ended the login: %s", other, got.text)
		}
	}
	for _, untrusted := range []string{"https://preview.example.com", "https://a.b.preview.example.com", "http://pr-7.preview.example.com", previewPage + ":8443"} {
		w.fails(end(untrusted), 401, "unauthorized_request")
	}
	got := end(previewPage)
	if got.StatusCode != 200 || got.json["is_logged_in"] != true || got.Header.Get("Access-Control-Allow-Origin") != previewPage {
		t.Errorf("got %d %s, %v", got.StatusCode, got.text, got.Header)
	}
}
