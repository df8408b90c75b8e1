package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
)

// errKilled tells that the agent process ended during a request.
var errKilled = errors.New("the agent process was killed")

// cookies are those of a browser at the API, by name.
type cookies map[string]string

// browser is a browser with a session of its own at the provider.
type browser struct {
	w    *world
	mu   sync.Mutex
	jar  cookies
	http *http.Client // at the provider
}

func (w *world) newBrowser() *browser {
	jar, _ := cookiejar.New(nil) // without options it does not fail
	return &browser{w: w, jar: cookies{}, http: &http.Client{Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirectURI) {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

func (b *browser) copy() cookies {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.jar)
}

// keep obeys Set-Cookie.
func (b *browser) keep(set []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	apply(b.jar, set)
}

func apply(jar cookies, set []*http.Cookie) {
	for _, c := range set {
		if c.MaxAge < 0 {
			delete(jar, c.Name)
		} else {
			jar[c.Name] = c.Value
		}
	}
}

// answer is a response of the agent.
type answer struct {
	status int
	body   map[string]any
	set    []*http.Cookie
}

// ask sends a request with some cookies to an idle agent.
func (w *world) ask(method, endpoint string, with cookies, form string) (answer, error) {
	agent := <-w.idle
	got, err := w.askOf(agent, method, endpoint, with, form)
	if errors.Is(err, errKilled) {
		agent.Close()
		if err := w.startAgent(); err != nil {
			return got, err
		}
		return got, err
	}
	w.idle <- agent
	return got, err
}

func (w *world) askOf(agent *lambdabench.Environment, method, endpoint string, with cookies, form string) (got answer, err error) {
	w.requests.Add(1)
	path := "/oauth-agent/" + endpoint
	event := w.event(method, path, with)
	if form != "" {
		event["body"] = form
		event["headers"].(map[string]string)["content-type"] = "application/x-www-form-urlencoded"
	}
	raw, err := json.Marshal(withMultiValues(event))
	if err != nil {
		return got, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, 40*time.Second)
	defer cancel()
	response, err := agent.Invoke(ctx, raw)
	if err != nil {
		if w.ctx.Err() != nil {
			return got, err
		}
		return got, fmt.Errorf("%w: %w", errKilled, err)
	}
	var decoded struct {
		StatusCode        int
		MultiValueHeaders http.Header
		Body              string
	}
	if err := json.Unmarshal(response.Body, &decoded); err != nil {
		return got, err
	}
	got.status = decoded.StatusCode
	json.Unmarshal([]byte(decoded.Body), &got.body)
	got.set = (&http.Response{Header: decoded.MultiValueHeaders}).Cookies()
	return got, nil
}

func (w *world) event(method, path string, with cookies) map[string]any {
	var pairs []string
	for name, value := range with {
		pairs = append(pairs, name+"="+value)
	}
	headers := map[string]string{"origin": origin, "token-handler-version": "1", "Host": "api.example.com"}
	if len(pairs) > 0 {
		headers["cookie"] = strings.Join(pairs, "; ")
	}
	return map[string]any{
		"resource": path, "path": path, "httpMethod": method, "headers": headers,
		"requestContext": map[string]any{"resourcePath": path, "httpMethod": method, "path": path, "stage": "api", "requestId": "r", "domainName": "api.example.com",
			"accountId": "123456789012", "apiId": "a1b2c3d4e5", "resourceId": "abc123", "identity": map[string]string{"sourceIp": "203.0.113.7"}},
	}
}

func withMultiValues(event map[string]any) map[string]any {
	multi := map[string][]string{}
	for name, value := range event["headers"].(map[string]string) {
		multi[name] = []string{value}
	}
	event["multiValueHeaders"] = multi
	return event
}

// do asks the agent with the browser's cookies and keeps the answer's.
func (b *browser) do(method, endpoint, form string) (answer, error) {
	got, err := b.w.ask(method, endpoint, b.copy(), form)
	if err == nil {
		b.keep(got.set)
	}
	return got, err
}

// signIn signs in at the provider with its own forms.
func (b *browser) signIn() error {
	page, err := b.authorize()
	if err != nil {
		return err
	}
	return b.finish(page)
}

func (b *browser) authorize() (*url.URL, error) {
	started, err := b.do("POST", "login/start", "")
	location, _ := started.body["authorization_url"].(string)
	if err != nil || location == "" {
		return nil, fmt.Errorf("login/start: %d %v, %w", started.status, started.body, err)
	}
	got, err := b.http.Get(location)
	for range 4 {
		if err != nil {
			return nil, err
		}
		text, _ := io.ReadAll(io.LimitReader(got.Body, 1<<20))
		got.Body.Close()
		if back := got.Header.Get("Location"); strings.HasPrefix(back, redirectURI) {
			return url.Parse(back)
		}
		action, values, err := form(got, string(text))
		if err != nil {
			return nil, err
		}
		if got, err = b.http.PostForm(action, values); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the provider did not return to the application")
}

func (b *browser) finish(page *url.URL) error {
	ended, err := b.do("POST", "login/end", page.RawQuery)
	if err != nil || ended.status != 200 || ended.body["is_logged_in"] != true {
		return fmt.Errorf("login/end: %d %v, %w", ended.status, ended.body, err)
	}
	return nil
}

var (
	formRE  = regexp.MustCompile(`(?s)<form[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>`)
	inputRE = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	nameRE  = regexp.MustCompile(`\bname="([^"]*)"`)
	valueRE = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// form fills the first form of a page.
func form(page *http.Response, text string) (string, url.Values, error) {
	found := formRE.FindStringSubmatch(text)
	if found == nil {
		return "", nil, fmt.Errorf("no form on the provider's page, status %d", page.StatusCode)
	}
	values := url.Values{"login": {"alice"}, "password": {"alice"}}
	for _, input := range inputRE.FindAllString(found[2], -1) {
		name, value := nameRE.FindStringSubmatch(input), valueRE.FindStringSubmatch(input)
		if name != nil && value != nil && !values.Has(name[1]) {
			values.Set(name[1], html.UnescapeString(value[1]))
		}
	}
	if !strings.Contains(found[2], `name="login"`) {
		values.Del("login")
		values.Del("password")
	}
	action, err := page.Request.URL.Parse(html.UnescapeString(found[1]))
	if err != nil {
		return "", nil, err
	}
	return action.String(), values, nil
}

// allowed asks the authorizer whether cookies open the API.
func (w *world) allowed(with cookies) (bool, error) {
	event := w.event("GET", "/orders", with)
	event["type"] = "REQUEST"
	event["methodArn"] = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/api/GET/orders"
	raw, err := json.Marshal(withMultiValues(event))
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	w.deciding.Lock()
	defer w.deciding.Unlock()
	got, err := w.authorizer.Invoke(ctx, raw)
	return err == nil && strings.Contains(string(got.Body), `"Effect":"Allow"`), err
}

// alive reports whether a session can be refreshed twice and opens the API. A
// page tries a refresh again that failed at the provider or the agent.
func (b *browser) alive() (bool, error) {
	for range 2 {
		got, err := b.retried()
		if err != nil || got.status != 200 {
			return false, err
		}
	}
	return b.w.allowed(b.copy())
}

// retried refreshes, and again for up to 30 seconds while the answer is 5xx.
func (b *browser) retried() (answer, error) {
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		got, err := b.do("POST", "refresh", "")
		if err != nil || got.status < 500 || time.Since(began) > 30*time.Second {
			return got, err
		}
	}
}

// outlives counts the cookies with which a session goes on after its end.
func (w *world) outlives(all ...cookies) (n int, err error) {
	for _, with := range slices.Clone(all) {
		allowed, err := w.allowed(with)
		if err != nil {
			return n, err
		}
		got, err := w.ask("POST", "refresh", with, "")
		if err != nil {
			return n, err
		}
		if allowed || got.status == 200 {
			n++
		}
	}
	return n, nil
}
