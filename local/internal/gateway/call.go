package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/trace"
	"github.com/tokenhandler/aws/local/internal/vtl"
)

// Quotas of REST APIs. AWS: "Quotas for configuring and running a REST API in API Gateway".
const (
	maxHeaders     = 10240 // "Total combined size of all header values, in bytes"
	maxURLRegional = 10240 // "Length, in characters, of the URL for a Regional API"
	maxURLEdge     = 8192  // "… for an edge-optimized API"
	maxBody        = 10 << 20
	maxMethodARN   = 1600 // "the resource ARN … over 1600 bytes": 414
	maxLambda      = 6 << 20
)

type param struct{ name, value string }

// call is one request on its way through the gateway.
type call struct {
	g          *Gateway
	ctx        context.Context
	r          *http.Request
	start      time.Time
	method     string // after X-HTTP-Method-Override
	path       string // as sent, still escaped
	headers    headers
	query      []param // decoded
	body       []byte
	route      *route
	pathParams []param // decoded
	requestID  string
	extendedID string
	traceID    string
	domain     string
	sourceIP   string
	vars       *vtl.Map // $context
	rec        *trace.Record
	decided    bool // the authorizer has decided, so $context.authorizer has values
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it crashes the program instead
	return b
}

func (g *Gateway) newCall(r *http.Request) *call {
	id := randomBytes(16)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // UUID version 4
	h := hex.EncodeToString(id)
	now := g.opts.Now()
	trace := hex.EncodeToString(randomBytes(12))
	c := &call{g: g, ctx: r.Context(), r: r, start: now, method: r.Method, path: r.URL.EscapedPath(),
		requestID:  h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:],
		extendedID: base64.RawURLEncoding.EncodeToString(randomBytes(11)) + "=",
		traceID:    fmt.Sprintf("Root=1-%08x-%s", uint32(now.Unix()), trace),
		headers:    clientHeaders(r, g.opts.CanonicalHeaders),
	}
	c.domain = r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		c.domain = host
	}
	c.sourceIP = r.RemoteAddr
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.sourceIP = host
	}
	if c.path == "" {
		c.path = "/"
	}
	// AWS: "When sending requests to an API by passing the X-HTTP-Method-Override header, API Gateway overrides the
	// method." It is not documented for which methods, so this is done for all.
	if override, ok := c.headers.get("X-HTTP-Method-Override"); ok && validName(override) {
		c.method = strings.ToUpper(override)
	}
	c.vars = c.contextVariables()
	c.rec = g.opts.Trace.Log.Begin(c.requestID, now)
	return c
}

// run answers the request with a response or a fault.
func (c *call) run(w http.ResponseWriter) (*response, *fault) {
	traced := false
	defer func() {
		if !traced {
			c.traceRequest()
		}
	}()
	switch {
	case len(c.r.RequestURI) > c.g.maxURL:
		return nil, &fault{status: http.StatusRequestURITooLong, message: "Request URI too long", cause: "URL over the quota"}
	case headerBytes(c.headers) > maxHeaders:
		return nil, &fault{status: http.StatusRequestHeaderFieldsTooLarge, message: "HTTP header is larger than 10240 bytes",
			cause: "headers over the quota"}
	}
	var err error
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return nil, &fault{status: http.StatusBadRequest, exception: "BadRequestException", message: "Bad Request", cause: err.Error()}
	}
	var f *fault
	if c.route, c.pathParams = c.g.router.match(c.path, c.method); c.route == nil {
		return nil, newFault("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", "no such resource and method")
	}
	traced = true
	c.traceRequest()
	c.routeVariables()
	if len(c.methodARN()) > maxMethodARN {
		return nil, &fault{status: http.StatusRequestURITooLong, message: "Request URI too long", cause: "method ARN over 1600 bytes"}
	}
	if c.body, f = c.readBody(w); f != nil {
		return nil, f
	}
	if f := c.authorize(); f != nil {
		return nil, f
	}
	if f := c.checkParameters(); f != nil {
		c.traceCheck(f)
		return nil, f
	}
	if f := c.checkBody(); f != nil {
		c.traceCheck(f)
		return nil, f
	}
	switch c.route.Integration.Type {
	case "AWS_PROXY":
		return c.lambdaProxy()
	case "HTTP_PROXY":
		return c.httpProxy()
	case "HTTP":
		return c.httpMapped()
	default:
		return c.mock()
	}
}

func (c *call) readBody(w http.ResponseWriter) ([]byte, *fault) {
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newFault("REQUEST_TOO_LARGE", "Request Too Long", "body over 10 MB")
	case err != nil:
		return nil, &fault{status: http.StatusBadRequest, exception: "BadRequestException", message: "Bad Request",
			cause: "request body could not be read"}
	}
	return body, nil
}

// checkParameters is a request validator with ValidateRequestParameters.
func (c *call) checkParameters() *fault {
	var missing []string
	for _, p := range c.route.required {
		if v, ok := p.source(c, nil); !ok || v[0] == "" {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return newFault("BAD_REQUEST_PARAMETERS", "Missing required request parameters: ["+strings.Join(missing, ", ")+"]",
		"required parameters are missing")
}

// parseQuery keeps the order of parameters. AWS: "The plain text pipe character (|) and curly brace characters are not
// supported for any request URL query string and must be URL-encoded. The semicolon character (;) is not supported for
// any request URL query string and results in the data being split."
func parseQuery(raw string) ([]param, error) {
	if strings.ContainsAny(raw, "|{}") {
		return nil, errors.New("|, { or } in the query string")
	}
	var out []param
	for _, pair := range strings.FieldsFunc(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		k, v, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil {
			return nil, errors.New("malformed escape in the query string")
		}
		out = append(out, param{name, value})
	}
	return out, nil
}

// lastOf returns the last value of a parameter: that is the value in API Gateway's single-valued maps.
func lastOf(params []param, name string) (string, bool) {
	value, ok := "", false
	for _, p := range params {
		if p.name == name {
			value, ok = p.value, true
		}
	}
	return value, ok
}

// methodARN is built from the actual path, so path parameters lengthen it.
func (c *call) methodARN() string {
	a := c.g.api
	return fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/%s%s", a.Partition, a.Region, a.AccountID, a.ID, a.Stage, c.method, c.path)
}
