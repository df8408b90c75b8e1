package e2e

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// agentClient is as much of a browser as the journey over HTTP needs: it keeps
// cookies as a browser on *.localhost does, follows no redirect by itself, and
// remembers every byte it was sent.
type agentClient struct {
	http    *http.Client
	cookies map[string]map[string]string // host → name → value

	mu   sync.Mutex
	seen strings.Builder // all responses, headers and bodies
}

func newClient() *agentClient {
	return &agentClient{
		http: &http.Client{
			Timeout:       time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				TLSClientConfig: clientTLS(),
				// Browsers resolve *.localhost to loopback by themselves.
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					_, port, err := net.SplitHostPort(address)
					if err != nil {
						return nil, err
					}
					return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
				},
			},
		},
		cookies: map[string]map[string]string{},
	}
}

// response is a response with its body read.
type response struct {
	*http.Response
	body string
}

// described compares a response of the agent with docs/openapi.yaml; see
// openapi_test.go.
var described = func(*http.Request, *http.Response, string) error { return nil }

// do sends a request with the cookies of its host, and keeps the ones it gets.
func (c *agentClient) do(method, target, body string, header http.Header) (*response, error) {
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	host := req.URL.Hostname()
	if _, given := req.Header["Cookie"]; !given && len(c.cookies[host]) > 0 {
		req.Header.Set("Cookie", c.cookieHeader(host))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	c.keep(host, resp.Cookies())
	if err := described(req, resp, string(content)); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(&c.seen, "%s %s\n%v\n%s\n", method, target, resp.Header, content)
	return &response{resp, string(content)}, nil
}

func (c *agentClient) keep(host string, set []*http.Cookie) {
	if c.cookies[host] == nil {
		c.cookies[host] = map[string]string{}
	}
	for _, cookie := range set {
		if cookie.MaxAge < 0 || !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()) {
			delete(c.cookies[host], cookie.Name)
			continue
		}
		c.cookies[host][cookie.Name] = cookie.Value
	}
}

func (c *agentClient) cookieHeader(host string) string {
	var pairs []string
	for name, value := range c.cookies[host] {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

var (
	formRE  = regexp.MustCompile(`(?s)<form[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>`)
	inputRE = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	nameRE  = regexp.MustCompile(`\bname="([^"]*)"`)
	valueRE = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// submit fills and sends the first form of a page, as a person would.
func (c *agentClient) submit(page *response, fill map[string]string) (*response, error) {
	form := formRE.FindStringSubmatch(page.body)
	if form == nil {
		return nil, fmt.Errorf("no form on %s (status %d)", page.Request.URL.Path, page.StatusCode)
	}
	values := url.Values{}
	for _, input := range inputRE.FindAllString(form[2], -1) {
		if name := nameRE.FindStringSubmatch(input); name != nil {
			value := valueRE.FindStringSubmatch(input)
			if value != nil && !values.Has(name[1]) {
				values.Set(name[1], html.UnescapeString(value[1]))
			}
		}
	}
	for name, value := range fill {
		values.Set(name, value)
	}
	action, err := page.Request.URL.Parse(html.UnescapeString(form[1]))
	if err != nil {
		return nil, err
	}
	return c.do("POST", action.String(), values.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
		"Origin":       {action.Scheme + "://" + action.Host},
	})
}

// follow goes along redirects until a page comes or the next stop is on the
// host named, which is returned as the location.
func (c *agentClient) follow(resp *response, until string) (page *response, location *url.URL, err error) {
	for range 10 {
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return resp, nil, nil
		}
		location, err := resp.Location()
		if err != nil {
			return nil, nil, err
		}
		if location.Hostname() == until {
			return nil, location, nil
		}
		if resp, err = c.do("GET", location.String(), "", nil); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("more than 10 redirects")
}
