package gateway

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/local/internal/vtl"
)

// mock is a MOCK integration: the request template gives the status to choose an integration response by.
func (c *call) mock() (*response, *fault) {
	overrides := vtl.NewOverrides()
	body, f := c.requestBody(overrides)
	if f != nil {
		return nil, f
	}
	status, ok := mockStatus(string(body))
	if !ok {
		// "Unable to parse statusCode"
		return nil, &fault{status: http.StatusInternalServerError, exception: "InternalServerErrorException",
			message: "Internal server error", cause: "MOCK: the request template gives no statusCode"}
	}
	return c.integrationResponse(&response{status: status}, overrides)
}

var statusCode = regexp.MustCompile(`^\{\s*(?:.*,\s*)?['"]?statusCode['"]?\s*:\s*([0-9]{3})\s*(?:,[^}]*)?\}$`)

// mockStatus reads statusCode leniently, as API Gateway does: {statusCode: 200}, {'statusCode': 200} and a trailing
// comma pass; "200" as a string and a missing brace do not.
func mockStatus(body string) (int, bool) {
	m := statusCode.FindStringSubmatch(strings.Join(strings.Fields(body), " "))
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// templateEnv is the request as mapping templates see it.
func (c *call) templateEnv(body string, o *vtl.Overrides) vtl.Env {
	env := vtl.Env{Body: body, Path: vtl.NewMap(), QueryString: vtl.NewMap(), Header: vtl.NewMap(), Context: c.vars,
		StageVariables: vtl.NewMap(), Overrides: o}
	for _, p := range c.pathParams {
		env.Path.Put(p.name, p.value)
	}
	for _, p := range c.query {
		env.QueryString.Put(p.name, p.value)
	}
	for _, h := range c.headers {
		env.Header.Put(h.name, h.value)
	}
	for _, name := range sortedKeys(c.g.api.StageVariables) {
		env.StageVariables.Put(name, c.g.api.StageVariables[name])
	}
	return env
}

// requestBody applies the request template for the Content-Type. AWS: "Method request behavior for payloads without
// mapping templates": a request without Content-Type counts as application/json.
func (c *call) requestBody(o *vtl.Overrides) ([]byte, *fault) {
	contentType, ok := c.headers.get("Content-Type")
	if !ok || contentType == "" {
		contentType = "application/json"
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	templates := c.route.requestTemplates
	t := templates[strings.TrimSpace(mediaType)]
	if t == nil {
		t = templates["$default"]
	}
	text := asText(c.body)
	if t == nil {
		unsupported := newFault("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", "no request template for the Content-Type")
		switch p := c.route.Integration.Passthrough; {
		case p == "NEVER", p == "WHEN_NO_TEMPLATES" && len(templates) > 0:
			return nil, unsupported
		case c.g.isBinary(contentType):
			return c.body, nil
		}
		return []byte(text), nil
	}
	out, err := t.Render(c.templateEnv(text, o))
	if err != nil {
		return nil, internalError("request template: " + err.Error())
	}
	return []byte(out), nil
}

// integrationResponse maps the response of a non-proxy integration: the first rule whose pattern matches the whole status,
// else the rule without a pattern.
func (c *call) integrationResponse(upstream *response, o *vtl.Overrides) (*response, *fault) {
	var rule *responseRule
	status := strconv.Itoa(upstream.status)
	for i := range c.route.responses {
		r := &c.route.responses[i]
		if r.pattern != nil && r.pattern.MatchString(status) {
			rule = r
			break
		}
		if r.pattern == nil && rule == nil {
			rule = r
		}
	}
	if rule == nil {
		return nil, internalError("no integration response matches status " + status + " and there is no default")
	}
	out := &response{status: rule.status, body: upstream.body}
	upstream.headers = upstream.headers.remap()
	out.headers = resolve(rule.header, c, upstream)
	switch {
	case len(rule.templates) > 0:
		contentType := c.chooseByAccept(sortedKeys(rule.templates))
		text, err := rule.templates[contentType].Render(c.templateEnv(asText(upstream.body), o))
		if err != nil {
			return nil, internalError("response template: " + err.Error())
		}
		out.body = []byte(text)
		out.headers = out.headers.withDefault("Content-Type", contentType)
	case !c.acceptsBinary():
		out.body = []byte(asText(out.body))
	}
	for _, name := range o.ResponseHeaders().Keys() {
		if v, ok := textOf(o.ResponseHeaders(), name); ok && validName(name) {
			out.headers = out.headers.with(name, v)
		}
	}
	if s := o.ResponseStatus(); s != 0 {
		out.status = s
	}
	out.headers = c.stamp(out.headers).with("X-Amzn-Trace-Id", c.traceID)
	return out, nil
}
