package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/local/internal/trace"
	"github.com/tokenhandler/aws/local/internal/vtl"
)

// httpProxy passes nearly everything through, both ways.
func (c *call) httpProxy() (*response, *fault) {
	h := c.headers.without(droppedFromHTTPProxy...)
	mapped := resolve(c.route.header, c, nil)
	for _, m := range mapped {
		// A mapped header replaces the client's header of the same name. That is known for the same spelling only; the
		// pessimistic reading lets `authorization` through beside a mapped `Authorization`.
		h = slices.DeleteFunc(h, func(x header) bool {
			return x.name == m.name || c.g.opts.ReplaceIgnoringCase && strings.EqualFold(x.name, m.name)
		})
	}
	h = append(h, mapped...)
	query := slices.Clone(c.query)
	for _, m := range c.route.query { // mapped parameters are appended to the client's
		values, ok := m.source(c, nil)
		for _, v := range values {
			if ok {
				query = append(query, param{m.name, v})
			}
		}
	}
	contentType, _ := c.headers.get("Content-Type")
	body := c.body
	if !c.g.isBinary(contentType) {
		body = []byte(asText(body))
	}
	resp, f := c.send(h, query, c.pathValues(nil), body)
	if f != nil {
		return nil, f
	}
	// AWS: a streamed response is passed on "without configuring the binary media types".
	if resp.stream == nil && !c.acceptsBinary() {
		resp.body = []byte(asText(resp.body))
	}
	resp.headers = c.stamp(resp.headers.remap())
	return resp, nil
}

// httpMapped is the non-proxy HTTP integration: only mapped values go up and come down.
func (c *call) httpMapped() (*response, *fault) {
	overrides := vtl.NewOverrides()
	body, f := c.requestBody(overrides)
	if f != nil {
		return nil, f
	}
	h := resolve(c.route.header, c, nil)
	for _, name := range overrides.RequestHeaders().Keys() {
		if v, ok := textOf(overrides.RequestHeaders(), name); ok && validName(name) && validValue(v) &&
			!slices.Contains(illegalMapped, strings.ToLower(name)) {
			h = h.with(name, v)
		}
	}
	var query []param
	for _, m := range c.route.query {
		values, ok := m.source(c, nil)
		for _, v := range values {
			if ok {
				query = append(query, param{m.name, v})
			}
		}
	}
	for _, name := range overrides.RequestQuery().Keys() {
		if v, ok := textOf(overrides.RequestQuery(), name); ok {
			query = slices.DeleteFunc(query, func(p param) bool { return p.name == name })
			query = append(query, param{name, v})
		}
	}
	if len(body) > 0 && c.sendsBody() {
		// AWS documents only that a request without Content-Type counts as application/json, and that a non-proxy
		// integration sends the headers that are mapped. So the client's own Content-Type is not counted on: map it.
		h = h.withDefault("Content-Type", "application/json")
	}
	resp, f := c.send(h, query, c.pathValues(overrides), body)
	if f != nil {
		return nil, f
	}
	return c.integrationResponse(resp, overrides)
}

// pathValues are the values for the {name} parts of the endpoint.
func (c *call) pathValues(o *vtl.Overrides) map[string]string {
	out := map[string]string{}
	for _, m := range c.route.path {
		if v, ok := m.source(c, nil); ok {
			out[m.name] = v[0]
		}
	}
	if o != nil {
		for _, name := range o.RequestPath().Keys() {
			if v, ok := textOf(o.RequestPath(), name); ok {
				out[name] = v
			}
		}
	}
	return out
}

func textOf(m *vtl.Map, name string) (string, bool) {
	v, _ := m.Get(name)
	text, err := vtl.Text(v)
	return text, err == nil
}

// integrationMethod is the endpoint's method; ANY stands for the request's own.
func (c *call) integrationMethod() string {
	if m := c.route.Integration.HTTPMethod; m != "ANY" {
		return m
	}
	return c.method
}

func (c *call) sendsBody() bool {
	switch c.integrationMethod() {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// endpoint fills in the URI. Values come decoded and are escaped again except for slashes: a %2F that the client sent
// arrives as a slash.
func (c *call) endpoint(path map[string]string, query []param) (*url.URL, error) {
	missing := false
	text := uriPlaceholder.ReplaceAllStringFunc(c.route.Integration.URI, func(m string) string {
		name := strings.Trim(m, "${}")
		if v, ok := strings.CutPrefix(name, "stageVariables."); ok {
			return c.g.api.StageVariables[v]
		}
		v, ok := path[name]
		missing = missing || !ok
		return (&url.URL{Path: v}).EscapedPath()
	})
	u, err := url.Parse(text)
	if err != nil || missing || u.Host == "" {
		return nil, errors.New("endpoint URI could not be completed")
	}
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	for _, p := range query {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += escape(p.name) + "=" + escape(p.value)
	}
	return u, nil
}

// send calls the endpoint. Redirects are answers like any other.
func (c *call) send(h headers, query []param, path map[string]string, body []byte) (*response, *fault) {
	u, err := c.endpoint(path, query)
	if err != nil {
		return nil, internalError(err.Error())
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.route.Integration.Timeout)
	streams := false
	defer func() {
		if !streams {
			cancel()
		}
	}()
	if !c.sendsBody() {
		body = nil
	}
	began := c.g.opts.Now()
	title := trace.Title(c.integrationMethod(), trace.Endpoint(c.route.Integration.URI))
	req, err := http.NewRequestWithContext(ctx, c.integrationMethod(), u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, internalError("request to the endpoint could not be built")
	}
	h = h.without("Expect", "Proxy-Authenticate", "TE", "Via", "Content-Length", "Transfer-Encoding").
		withDefault("Accept", "application/json").
		withDefault("User-Agent", "AmazonAPIGateway_"+c.g.api.ID).
		with("X-Amzn-Trace-Id", c.traceID).
		with("X-Amzn-Apigateway-Api-Id", c.g.api.ID)
	for _, x := range h {
		switch {
		case strings.EqualFold(x.name, "Host"):
			req.Host = x.value
		case strings.EqualFold(x.name, "User-Agent"):
			req.Header["User-Agent"] = []string{x.value} // or net/http would add its own
		default:
			req.Header[x.name] = append(req.Header[x.name], x.value) // not Add: letters stay as they are
		}
	}
	c.traceMapping(h, query, len(body))
	// RoundTrip, not a Client: no redirects, no cookies.
	res, err := c.g.transport.RoundTrip(req)
	if err != nil {
		f := sendFault(ctx)
		c.traceUpstream(title, began, nil, f)
		return nil, f
	}
	if c.route.Integration.Stream {
		streams = true
		out := &response{status: res.StatusCode, stream: upstreamStream{res.Body, cancel}}
		out.headers = listHeaders(res.Header)
		c.traceUpstream(title, began, out, nil)
		return out, nil
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil || len(got) > maxBody {
		f := sendFault(ctx)
		c.traceUpstream(title, began, nil, f)
		return nil, f
	}
	out := &response{status: res.StatusCode, body: got, headers: listHeaders(res.Header)}
	c.traceUpstream(title, began, out, nil)
	return out, nil
}

func listHeaders(h http.Header) (out headers) {
	for _, name := range sortedKeys(h) {
		for _, v := range h[name] {
			out = append(out, header{name, v})
		}
	}
	return out
}

func sendFault(ctx context.Context) *fault {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return newFault("INTEGRATION_TIMEOUT", "Endpoint request timed out", "endpoint exceeded the integration's timeout")
	}
	return newFault("INTEGRATION_FAILURE", "Network error communicating with endpoint", "endpoint refused, broke off or answered over 10 MB")
}
