package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// run is one test of one system.
type run struct {
	options
	ctx    context.Context
	client *http.Client // HTTP/2 where the server speaks it
	http1  *http.Client
	http2  bool // the server speaks it
	report report

	proof     []string // headers that prove that a request with the session is not cross-site
	constants bool     // errors of the authorizer have the same CORS headers for every origin
	allowed   []error  // results of the checks of gateway errors after an Allow; nil is a pass
}

func newRun(ctx context.Context, o options) *run {
	client := func(protocols func(*http.Protocols)) *http.Client {
		p := new(http.Protocols)
		protocols(p)
		return &http.Client{
			Timeout:       o.timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{Protocols: p, DialContext: dial},
		}
	}
	return &run{options: o, ctx: ctx, proof: assistant,
		// Browsers do the same. Header names then arrive in lower case.
		client: client(func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }),
		http1:  client(func(p *http.Protocols) { p.SetHTTP1(true) }),
	}
}

// assistant is the CSRF header of the assistant dialect.
var assistant = []string{contract.HeaderVersion, contract.Version}

// dial resolves *.localhost as browsers do: to loopback (RFC 6761 section 6.3).
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(host, ".localhost") {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// request is a request to send. header has pairs of names and values.
type request struct {
	method, path string
	origin       string // "": no Origin header
	header       []string
	body         string

	// HTTP/1.1 sends names in this spelling. HTTP/2 always sends them in lower
	// case (RFC 9113 section 8.2.1).
	http1   bool
	spelled []string // pairs; they replace other headers of these names
}

type response struct {
	*http.Response
	text string
}

func (r *run) send(q request) (*response, error) {
	req, err := http.NewRequestWithContext(r.ctx, q.method, r.url+q.path, strings.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if q.origin != "" {
		req.Header.Set("Origin", q.origin)
		// Browsers send it. If the gateway caches the authorizer's results, a
		// request without it does not reach the authorizer.
		site := "cross-site"
		if slices.Contains(r.origins, q.origin) {
			site = "same-site"
		}
		req.Header.Set("Sec-Fetch-Site", site)
	}
	for name, value := range pairs(q.header) {
		req.Header.Add(name, value)
	}
	for name, value := range pairs(q.spelled) {
		req.Header.Del(name)
		req.Header[name] = []string{value} // not Set, which would change the spelling
	}
	client := r.client
	if q.http1 {
		client = r.http1
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return &response{resp, string(text)}, err
}

func pairs(list []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i], list[i+1]) {
				return
			}
		}
	}
}

// with joins lists of pairs into a new one.
func with(lists ...[]string) []string { return slices.Concat(lists...) }

// sameOrigin reports whether the application is on the API's own origin. The host
// then serves more than the API.
func (r *run) sameOrigin() bool {
	u, err := url.Parse(r.url)
	return err == nil && slices.Contains(r.origins, u.Scheme+"://"+u.Host)
}

// elsewhere turns a failure into unknown if the response is not from the API.
func (r *run) elsewhere(resp *response, err error) error {
	if err == nil || resp == nil || !r.sameOrigin() || resp.Header.Get("X-Amzn-Errortype") != "" {
		return err
	}
	return unknown("the response is from another part of the API's own origin: " + err.Error())
}

func (r *run) reachable() error {
	resp, err := r.send(request{method: "GET", path: r.agent + "/session", origin: r.origins[0]})
	if err != nil {
		return fmt.Errorf("the API cannot be reached: %w", err)
	}
	r.http2 = resp.ProtoMajor == 2
	return nil
}

// object returns the body as a JSON object.
func (r *response) object() (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(r.text), &object); err != nil || object == nil {
		return nil, fmt.Errorf("status %d with a body that is not a JSON object", r.StatusCode)
	}
	return object, nil
}

// code returns the code of a refusal. It fails if the body does not have the form
// of the API's errors.
func (r *response) code() (string, error) {
	object, err := r.object()
	if err != nil {
		return "", err
	}
	code, _ := object["code"].(string)
	switch {
	case code == "":
		return "", errors.New("the body has no code")
	case object["error_code"] != code:
		return "", errors.New("error_code differs from code")
	case r.Header.Get("Content-Type") != "application/json":
		return "", fmt.Errorf("content type %q, expected application/json", r.Header.Get("Content-Type"))
	}
	return code, nil
}

// refused checks that the response has one of the statuses, and a code.
func (r *response) refused(statuses ...int) error {
	if err := r.status(statuses...); err != nil {
		return err
	}
	_, err := r.code()
	return err
}

func (r *response) status(expected ...int) error {
	for _, s := range expected {
		if r.StatusCode == s {
			return nil
		}
	}
	return fmt.Errorf("status %d, expected %s", r.StatusCode, strings.Trim(strings.ReplaceAll(fmt.Sprint(expected), " ", " or "), "[]"))
}

// readable checks that a page of the origin can read the response.
func (r *response) readable(origin string) error {
	switch allowed := r.Header.Values("Access-Control-Allow-Origin"); {
	case len(allowed) == 0:
		return errors.New("no Access-Control-Allow-Origin")
	case len(allowed) > 1 || allowed[0] != origin:
		return fmt.Errorf("Access-Control-Allow-Origin is %q, expected %s", strings.Join(allowed, ", "), origin)
	case r.Header.Get("Access-Control-Allow-Credentials") != "true":
		return errors.New("no Access-Control-Allow-Credentials: true")
	case !strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Vary"), ",")), "origin"):
		return errors.New("no Vary: Origin")
	}
	return nil
}

// unreadable checks that only pages of trusted origins can read the response.
func (r *response) unreadable(trusted []string) error {
	for _, allowed := range r.Header.Values("Access-Control-Allow-Origin") {
		if !slices.Contains(trusted, allowed) {
			return fmt.Errorf("Access-Control-Allow-Origin is %q for a request from another origin", allowed)
		}
	}
	return nil
}

// noCORS checks that the response has no CORS header.
func (r *response) noCORS() error {
	for name := range r.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			return fmt.Errorf("it has %s", name)
		}
	}
	return nil
}

// seen describes a response whose form is not documented.
func (r *response) seen() string {
	cors := "no CORS headers"
	if allowed := r.Header.Values("Access-Control-Allow-Origin"); len(allowed) > 0 {
		cors = "Access-Control-Allow-Origin " + strings.Join(allowed, ", ")
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "" {
		contentType = "no content type"
	}
	return fmt.Sprintf("status %d, %s, %s", r.StatusCode, contentType, cors)
}
