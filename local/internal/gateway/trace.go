package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/local/internal/trace"
)

// TraceOptions are the facts that the trace needs beside the API.
type TraceOptions struct {
	Log *trace.Log // nil: no trace

	// Names of functions, by logical id.
	Names map[string]string
	// Agents are the functions that are OAuth agents.
	Agents map[string]bool
	// AccessCookies are the names of the access token cookies, by the logical id
	// of the authorizer that opens them, without a prefix such as __Host-.
	AccessCookies map[string]string
	// Pin is the SPKI pin of a certificate made for the run.
	Pin string
}

// since is the time from a moment to now in milliseconds.
func (c *call) since(t time.Time) float64 {
	return float64(c.g.opts.Now().Sub(t).Microseconds()) / 1000
}

// traceRequest records the client's request and its route.
func (c *call) traceRequest() {
	if c.rec == nil {
		return
	}
	s := trace.Step{Name: "request", Title: "Browser", Result: "info"}
	for _, h := range c.headers {
		s.Rows = append(s.Rows, trace.Row{Name: trace.Name(h.name), Value: trace.Header(h.name, h.value)})
		c.rec.Secret(trace.Secrets(h.name, h.value)...)
	}
	for _, p := range c.query {
		s.Rows = append(s.Rows, trace.Row{Name: "query " + trace.Param(p.name), Value: trace.Header("", p.value)})
		c.rec.Secret(p.value)
	}
	if n := c.r.ContentLength; n > 0 {
		s.Rows = append(s.Rows, trace.Row{Name: "body", Value: fmt.Sprintf("%d bytes", n)})
	}
	origin, _ := c.headers.get("Origin")
	cookie, _ := c.headers.get("Cookie")
	wants, preflight := c.headers.get("Access-Control-Request-Method")
	preflight = preflight && c.method == http.MethodOptions
	switch {
	case preflight:
		s.Title, s.Note = "Preflight", "The browser asks whether a page at "+trace.Header("Origin", origin)+" may send "+trace.Param(wants)+"."
	case origin == "":
		s.Note = "No Origin header."
	default:
		s.Note = "From a page at " + trace.Header("Origin", origin) + ", with " + plural(len(trace.CookieNames(cookie)), "cookie") + "."
	}
	resource, kind, protected := c.g.router.literal(c.path), "api", ""
	if c.route != nil {
		resource = c.route.Path
		if in := c.route.Integration; in.Type == "AWS_PROXY" && c.g.opts.Trace.Agents[in.FunctionID] {
			kind = "agent"
		}
		protected = c.route.HTTPMethod
	}
	if preflight {
		kind = "preflight"
	}
	method := c.method
	if len(method) > 20 || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		method = "?"
	}
	c.rec.Set(func(r *trace.Record) {
		r.Kind, r.Method, r.Resource, r.Origin = kind, method, resource, trace.Header("Origin", origin)
	})
	c.rec.Step(s)
	if c.route != nil {
		note := "No authorizer."
		if c.route.authorizer != nil {
			note = "Protected by the authorizer."
		}
		c.rec.Step(trace.Step{Name: "method", Title: trace.Title(protected, c.route.Path), Result: "info", Note: note + " Integration " + c.route.Integration.Type + "."})
	}
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// literal is the part of a path that the API spells out; the rest may be an
// identifier or a secret.
func (n *resource) literal(escapedPath string) string {
	out := ""
	for segment := range strings.SplitSeq(strings.Trim(escapedPath, "/"), "/") {
		next := n.literals[segment]
		if next == nil {
			return out + "/…"
		}
		out, n = out+"/"+segment, next
	}
	return out
}

func (c *call) traceAuthorizer(a *authorizer, d *decision, cached bool, asked time.Time, f *fault) {
	c.g.opts.Trace.decision(c.rec, a.FunctionID, c.headers, d, cached, c.since(asked), f)
}

// decision records a decision. The authorizer's context is shown for the keys of the token handler that are constants
// or public.
func (o TraceOptions) decision(rec *trace.Record, function string, client headers, d *decision, cached bool, ms float64, f *fault) {
	if rec == nil {
		return
	}
	s := trace.Step{Name: "authorizer", Title: o.functionName(function), Result: "ok", MS: ms}
	if cached {
		s.Title, s.MS, s.Note = s.Title+", from the cache", 0, "The decision is an earlier one with the same identity sources. "
	}
	if d == nil {
		s.Result, s.Note = "failed", "No decision: "+f.cause+"."
		if f.kind == "UNAUTHORIZED" {
			s.Result = "refused"
		}
		rec.Step(s)
		return
	}
	values := map[string]string{}
	for _, p := range d.context {
		values[p.name] = p.value
	}
	known := trace.KnownCode(values["code"])
	for _, p := range d.context {
		if p.value == "" {
			continue
		}
		value := trace.Header("", p.value)
		switch p.name {
		case "code", "message":
			if known {
				value = p.value
			}
		case "allowedOrigin", "scope":
			value = trace.Header("Origin", p.value)
		case "token":
			value = trace.Header("Authorization", p.value)
		}
		if value != p.value {
			rec.Secret(p.value, strings.TrimPrefix(p.value, "Bearer "), strings.TrimPrefix(p.value, "DPoP "))
		}
		s.Rows = append(s.Rows, trace.Row{Name: "context." + trace.Name(p.name), Value: value})
	}
	rec.Secret(d.principal)
	if f != nil {
		s.Result = "refused"
		s.Note += "Denied."
		if known {
			s.Note += " " + values["code"] + ": " + values["message"] + "."
			rec.Set(func(r *trace.Record) {
				r.Code, r.Explain = values["code"], trace.ExplainCode(values["code"])
				r.Explain.Reason = strings.TrimSuffix(values["message"], ".") + "."
			})
		}
	} else {
		s.Note += "Allowed. " + o.openedCookie(function, client)
	}
	rec.Step(s)
}

// openedCookie says which cookie an Allow rests on.
func (o TraceOptions) openedCookie(function string, client headers) string {
	name := o.AccessCookies[function]
	cookie, _ := client.get("Cookie")
	if _, bearer := client.get("Authorization"); bearer {
		return "It rests on the client's Authorization header."
	}
	if name == "" {
		return ""
	}
	var found []string
	for _, sent := range trace.CookieNames(cookie) {
		base := strings.TrimPrefix(strings.TrimPrefix(sent, "__Host-"), "__Secure-")
		if base == name || strings.HasPrefix(base, name+"-") || strings.HasPrefix(base, name+".") {
			found = append(found, sent)
		}
	}
	switch {
	case len(found) == 0:
		return "No access token cookie was sent."
	case len(slices.Compact(slices.Sorted(slices.Values(found)))) < len(found):
		return "It opened one of the values of " + found[0] + "."
	default:
		return "It opened " + strings.Join(found, " and ") + "."
	}
}

func (c *call) functionName(id string) string { return c.g.opts.Trace.functionName(id) }

func (o TraceOptions) functionName(id string) string {
	if name := o.Names[id]; name != "" {
		return "The " + name + " Lambda"
	}
	return id
}

// traceCheck records that a request validator refused the request.
func (c *call) traceCheck(f *fault) {
	c.rec.Step(trace.Step{Name: "check", Title: "Request validator", Result: "refused", Note: f.cause + "."})
}

// traceMapping compares the client's headers with those that go upstream.
func (c *call) traceMapping(up headers, query []param, body int) {
	if c.rec == nil {
		return
	}
	s := trace.Step{Name: "mapping", Title: "What goes upstream", Result: "ok"}
	from := map[string]string{}
	for target, expr := range c.route.Integration.RequestParameters {
		if name, ok := strings.CutPrefix(target, "integration.request.header."); ok {
			from[strings.ToLower(name)] = trace.Expression(name, expr)
		}
	}
	counts := map[string]int{}
	seen := map[string]bool{}
	for _, h := range up {
		lower := strings.ToLower(h.name)
		row := trace.Row{Name: trace.Name(h.name), Value: trace.Header(h.name, h.value), From: from[lower], Change: "passed"}
		if row.From == "'none'" && lower == "cookie" {
			row.Value = "none"
		}
		c.rec.Secret(trace.Secrets(h.name, h.value)...)
		own := c.headers.values(h.name)
		switch {
		case len(own) == 0:
			row.Change = "added"
		case !slices.Contains(own, h.value):
			row.Change = "overwritten"
		}
		seen[lower] = true
		counts[row.Change]++
		s.Rows = append(s.Rows, row)
	}
	for _, h := range c.headers {
		if lower := strings.ToLower(h.name); !seen[lower] {
			seen[lower] = true
			counts["dropped"]++
			s.Rows = append(s.Rows, trace.Row{Name: trace.Name(h.name), Value: trace.Header(h.name, h.value), Change: "dropped"})
		}
	}
	for lower, expr := range from {
		if !seen[lower] {
			counts["missing"]++
			s.Rows = append(s.Rows, trace.Row{Name: trace.Name(lower), From: expr, Change: "missing", Value: "the source has no value"})
		}
	}
	names := func(params []param) (out []string) {
		for _, p := range params {
			out = append(out, p.name)
		}
		return out
	}
	upNames := names(query)
	for _, p := range query {
		s.Rows = append(s.Rows, trace.Row{Name: "query " + trace.Param(p.name), Value: trace.Header("", p.value), Change: "passed"})
		c.rec.Secret(p.value)
	}
	for _, name := range names(c.query) {
		if !slices.Contains(upNames, name) {
			counts["dropped"]++
			s.Rows = append(s.Rows, trace.Row{Name: "query " + trace.Param(name), Change: "dropped"})
		}
	}
	if body > 0 {
		s.Rows = append(s.Rows, trace.Row{Name: "body", Value: plural(body, "byte"), Change: "passed"})
	}
	slices.SortStableFunc(s.Rows, func(a, b trace.Row) int { return strings.Compare(order[a.Change], order[b.Change]) })
	s.Note = fmt.Sprintf("%d added, %d overwritten, %d passed, %d dropped.", counts["added"], counts["overwritten"], counts["passed"], counts["dropped"])
	if c.route.Integration.Type == "HTTP" {
		s.Note += " Only mapped values go up."
	}
	c.rec.Step(s)
}

var order = map[string]string{"added": "1", "overwritten": "2", "missing": "3", "passed": "4", "dropped": "5"}

// traceUpstream records the call of the integration.
func (c *call) traceUpstream(title string, began time.Time, resp *response, f *fault) {
	if c.rec == nil {
		return
	}
	s := trace.Step{Name: "upstream", Title: title, Result: "ok", MS: c.since(began)}
	switch {
	case f != nil:
		s.Result, s.Note = "failed", f.cause+"."
	case resp.status >= 500:
		s.Result, s.Note = "failed", fmt.Sprintf("Status %d.", resp.status)
	case resp.status >= 400:
		s.Result, s.Note = "refused", fmt.Sprintf("Status %d.", resp.status)
	default:
		s.Note = fmt.Sprintf("Status %d.", resp.status)
	}
	if resp != nil {
		for _, h := range resp.headers {
			s.Rows = append(s.Rows, trace.Row{Name: trace.Name(h.name), Value: trace.Header(h.name, h.value)})
			c.rec.Secret(trace.Secrets(h.name, h.value)...)
		}
	}
	c.rec.Step(s)
}

// traceResponse records the answer to the client, says whether a page may read
// it, and ends the record.
func (c *call) traceResponse(resp *response, f *fault) {
	if c.rec == nil {
		return
	}
	s := trace.Step{Name: "response", Title: fmt.Sprintf("%d %s", resp.status, http.StatusText(resp.status)), Result: "ok"}
	refused := f != nil || resp.status >= 400
	var code string
	if refused {
		s.Result = "refused"
		code = codeOf(resp.body)
	}
	if f != nil {
		s.Note = "The gateway answers itself"
		if f.kind != "" {
			s.Note += " with the gateway response " + f.kind
		}
		s.Note += ": " + f.cause + "."
		if f.kind == "MISSING_AUTHENTICATION_TOKEN" {
			s.Note = "The gateway answers itself: the API has no such path and method."
		}
	}
	var allow, vary []string
	for _, h := range resp.headers {
		s.Rows = append(s.Rows, trace.Row{Name: trace.Name(h.name), Value: trace.Header(h.name, h.value)})
		c.rec.Secret(trace.Secrets(h.name, h.value)...)
		switch {
		case strings.EqualFold(h.name, "Access-Control-Allow-Origin"):
			allow = append(allow, h.value)
		case strings.EqualFold(h.name, "Vary"):
			vary = append(vary, h.value)
		}
	}
	c.rec.Step(s)
	get := func(h headers, name string) string { v, _ := h.get(name); return v }
	cors := trace.CORS{
		Origin: get(c.headers, "Origin"), WantMethod: get(c.headers, "Access-Control-Request-Method"), WantHeaders: get(c.headers, "Access-Control-Request-Headers"),
		Credentialed: get(c.headers, "Cookie") != "", AllowOrigin: allow, AllowMethods: get(resp.headers, "Access-Control-Allow-Methods"),
		AllowHeaders: get(resp.headers, "Access-Control-Allow-Headers"), AllowCredential: get(resp.headers, "Access-Control-Allow-Credentials"),
		Vary: strings.Join(vary, ","), Early: f != nil && !c.decided,
	}
	cors.Preflight = c.method == http.MethodOptions && cors.WantMethod != ""
	verdict := cors.Step()
	c.rec.Step(verdict)
	var rows []trace.Row
	for _, h := range c.headers {
		rows = append(rows, trace.Row{Name: h.name, Value: h.value})
	}
	c.rec.Set(func(r *trace.Record) {
		r.Status, r.MS, r.Refused = resp.status, c.since(c.start), refused || verdict.Result == "refused"
		if r.Explain == nil && code != "" {
			r.Code, r.Explain = code, trace.ExplainCode(code)
		}
		if r.Explain == nil && f != nil {
			r.Explain = trace.ExplainGateway(f.kind, resp.status, f.cause)
		}
		if r.Explain == nil && refused {
			r.Explain = trace.ExplainAnswer(resp.status)
		}
		if r.Explain == nil {
			r.Explain = cors.Explain()
		}
		scheme := "http://"
		if c.r.TLS != nil {
			scheme = "https://"
		}
		r.Curl = trace.Curl{URL: scheme + c.r.Host + r.Resource, Method: r.Method, Headers: rows, Body: c.r.ContentLength > 0, Pin: c.g.opts.Trace.Pin}.String()
	})
	c.rec.End()
}

// codeOf returns the code of a refusal's body, if it is one that is known.
func codeOf(body []byte) string {
	if len(body) > 16<<10 {
		return ""
	}
	var refusal struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(body, &refusal) != nil || !trace.KnownCode(refusal.Code) {
		return ""
	}
	return refusal.Code
}
