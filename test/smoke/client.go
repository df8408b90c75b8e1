package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// run is one look at one system.
type run struct {
	options
	ctx    context.Context
	client *http.Client
	report report
}

func newRun(ctx context.Context, o options) *run {
	return &run{options: o, ctx: ctx, client: &http.Client{
		Timeout:       o.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, // as browsers do: names of headers arrive in lower case
			DialContext:       dial,
		},
	}}
}

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

// request is what is sent; header has pairs of names and values.
type request struct {
	method, path string
	origin       string // "": none
	header       []string
	body         io.Reader
}

type response struct {
	*http.Response
	text string
}

func (r *run) send(q request) (*response, error) {
	req, err := http.NewRequestWithContext(r.ctx, q.method, r.url+q.path, q.body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if q.origin != "" {
		req.Header.Set("Origin", q.origin)
		// As browsers do. Where the gateway keeps the authorizer's results, a
		// request without it does not get there.
		site := "cross-site"
		if q.origin == r.origin {
			site = "same-site"
		}
		req.Header.Set("Sec-Fetch-Site", site)
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		req.Header.Add(q.header[i], q.header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return &response{resp, string(text)}, err
}

func (r *run) reachable() error {
	_, err := r.send(request{method: "GET", path: r.agent + "/session", origin: r.origin})
	if err != nil {
		return fmt.Errorf("the API cannot be reached: %w", err)
	}
	return nil
}

// object is the body as a JSON object.
func (r *response) object() (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(r.text), &object); err != nil || object == nil {
		return nil, fmt.Errorf("status %d with a body that is no JSON object", r.StatusCode)
	}
	return object, nil
}

// code wants an error in the form all errors of the API have.
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
		return "", errors.New("the body's error_code is not its code")
	case r.Header.Get("Content-Type") != "application/json":
		return "", fmt.Errorf("content type %q, expected application/json", r.Header.Get("Content-Type"))
	}
	return code, nil
}

// refused wants one of the statuses, and a code.
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

// readable wants the headers by which a page of the origin may read the response.
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

// unreadable wants that no page but those of the trusted origin may read it.
func (r *response) unreadable(trusted string) error {
	for _, allowed := range r.Header.Values("Access-Control-Allow-Origin") {
		if allowed != trusted {
			return fmt.Errorf("Access-Control-Allow-Origin is %q for a request of another origin", allowed)
		}
	}
	return nil
}
