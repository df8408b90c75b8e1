package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/tokenhandler/aws/local/internal/template"
)

// response is an answer: to the client, or of an integration before it is mapped.
type response struct {
	status  int
	headers headers
	body    []byte
	stream  io.ReadCloser // in place of body: the rest of a response that is passed on as it comes
}

func (r *response) write(w http.ResponseWriter) {
	r.writeHeader(w)
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		_, _ = w.Write(r.body) // the client may be gone
	}
}

func (r *response) writeHeader(w http.ResponseWriter) {
	for _, h := range r.headers {
		name := h.name
		if strings.EqualFold(name, "Content-Type") {
			name = "Content-Type" // or net/http would add its own guess
		}
		if validName(name) && validValue(h.value) && !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Transfer-Encoding") {
			w.Header()[name] = append(w.Header()[name], h.value)
		}
	}
	w.WriteHeader(r.status)
}

// stamp adds the headers that API Gateway adds to every response.
func (c *call) stamp(h headers) headers {
	return h.withDefault("Content-Type", "application/json").
		with("x-amzn-RequestId", c.requestID).
		with("x-amz-apigw-id", c.extendedID)
}

// fault is a request that the gateway itself answers.
type fault struct {
	kind      string // gateway response type; empty for those that cannot be customised by a type of their own
	status    int    // default status, if not the type's
	exception string // x-amzn-ErrorType, if not the type's
	message   string // empty: null
	cause     string // for the log
}

func newFault(kind, message, cause string) *fault {
	return &fault{kind: kind, message: message, cause: cause}
}

// badGateway is the 502 for a function that failed or answered out of format. It has no type of its own; DEFAULT_5XX
// customises it.
func badGateway(cause string) *fault {
	return &fault{status: http.StatusBadGateway, exception: "InternalServerErrorException", message: "Internal server error", cause: cause}
}

func internalError(cause string) *fault {
	return newFault("API_CONFIGURATION_ERROR", "Internal server error", cause)
}

type responseType struct {
	status    int
	exception string
}

// responseTypes: AWS: "Gateway response types for API Gateway", with the default status codes.
var responseTypes = map[string]responseType{
	"ACCESS_DENIED":                  {403, "AccessDeniedException"},
	"API_CONFIGURATION_ERROR":        {500, "InternalServerErrorException"},
	"AUTHORIZER_CONFIGURATION_ERROR": {500, "AuthorizerConfigurationException"},
	"AUTHORIZER_FAILURE":             {500, "AuthorizerConfigurationException"},
	"BAD_REQUEST_PARAMETERS":         {400, "BadRequestException"},
	"BAD_REQUEST_BODY":               {400, "BadRequestException"},
	"DEFAULT_4XX":                    {0, ""},
	"DEFAULT_5XX":                    {0, ""},
	"EXPIRED_TOKEN":                  {403, "ExpiredTokenException"},
	"INTEGRATION_FAILURE":            {504, "InternalServerErrorException"},
	"INTEGRATION_TIMEOUT":            {504, "InternalServerErrorException"},
	"INVALID_API_KEY":                {403, "ForbiddenException"},
	"INVALID_SIGNATURE":              {403, "InvalidSignatureException"},
	"MISSING_AUTHENTICATION_TOKEN":   {403, "MissingAuthenticationTokenException"},
	"QUOTA_EXCEEDED":                 {429, "LimitExceededException"},
	"REQUEST_TOO_LARGE":              {413, "RequestTooLargeException"},
	"RESOURCE_NOT_FOUND":             {404, "NotFoundException"},
	"THROTTLED":                      {429, "TooManyRequestsException"},
	"UNAUTHORIZED":                   {401, "UnauthorizedException"},
	"UNSUPPORTED_MEDIA_TYPE":         {415, "UnsupportedMediaTypeException"},
	"WAF_FILTERED":                   {403, "ForbiddenException"},
}

// gatewayResponse is a customisation of one type.
type gatewayResponse struct {
	status    int // 0: the type's own
	header    []mapping
	templates map[string]string // nil: the default one
}

func newGatewayResponse(gr *template.GatewayResponse) (*gatewayResponse, error) {
	if _, ok := responseTypes[gr.Type]; !ok {
		return nil, fmt.Errorf("property ResponseType: %q is not a gateway response type", gr.Type)
	}
	out := &gatewayResponse{templates: gr.Templates}
	if gr.StatusCode != "" {
		var err error
		if out.status, err = strconv.Atoi(gr.StatusCode); err != nil || out.status < 200 || out.status > 599 {
			return nil, fmt.Errorf("property StatusCode: %q is not a status", gr.StatusCode)
		}
	}
	for _, target := range sortedKeys(gr.Parameters) {
		name, ok := strings.CutPrefix(target, "gatewayresponse.header.")
		if !ok || !validName(name) {
			return nil, fmt.Errorf("property ResponseParameters: %q is not implemented, only gatewayresponse.header.<name> is", target)
		}
		s, err := parseSource(gr.Parameters[target], place{})
		if err != nil {
			return nil, fmt.Errorf("property ResponseParameters[%s]: %w", target, err)
		}
		out.header = append(out.header, mapping{name, s})
	}
	for _, contentType := range sortedKeys(gr.Templates) {
		if strings.Contains(gr.Templates[contentType], "method.request.") {
			return nil, errors.New("property ResponseTemplates: method.request variables are not implemented")
		}
		for _, m := range templateVariable.FindAllString(gr.Templates[contentType], -1) {
			if name, ok := strings.CutPrefix(m, "$context."); ok && !knownContext(name) {
				return nil, fmt.Errorf("property ResponseTemplates: %s is not implemented", m)
			}
		}
	}
	return out, nil
}

// templateVariable is all there is to a gateway response's body template: "simple variable substitution", no VTL.
var templateVariable = regexp.MustCompile(`\$(?:context|stageVariables)(?:\.[A-Za-z0-9_-]+)+`)

func (c *call) substitute(text string) string {
	return templateVariable.ReplaceAllStringFunc(text, func(m string) string {
		if name, ok := strings.CutPrefix(m, "$context."); ok {
			v, _ := c.contextValue(name) // AWS does not document a missing variable's value: it is empty here
			return v
		}
		return c.g.api.StageVariables[strings.TrimPrefix(m, "$stageVariables.")]
	})
}

// faultResponse renders a gateway response: the customisation of its type or else the whole of DEFAULT_4XX or
// DEFAULT_5XX; the two are never merged.
func (c *call) faultResponse(f *fault) *response {
	c.errorVariables(f)
	def := responseTypes[f.kind]
	if f.status != 0 {
		def = responseType{f.status, f.exception}
	}
	status, h, templates := def.status, headers{}, map[string]string(nil)
	if custom := c.customised(f, def.status); custom != nil {
		if custom.status != 0 {
			status = custom.status
		}
		h, templates = resolve(custom.header, c, nil), custom.templates
	}
	contentType, body := "application/json", `{"message":$context.error.messageString}`
	if f.kind == "ACCESS_DENIED" {
		// The stored default template says "message", yet an authorizer's denial prints a capital M.
		body = `{"Message":$context.error.messageString}`
	}
	if len(templates) > 0 {
		contentType = c.chooseByAccept(sortedKeys(templates))
		body = templates[contentType]
	}
	h = h.withDefault("Content-Type", contentType)
	if def.exception != "" {
		h = h.with("x-amzn-ErrorType", def.exception)
	}
	return &response{status: status, headers: c.stamp(h), body: []byte(c.substitute(body))}
}

func (c *call) customised(f *fault, status int) *gatewayResponse {
	// AWS: "Customizing the default gateway response for 413 REQUEST_TOO_LARGE isn't currently supported." The answers
	// to a URL, headers or method ARN over the quota come from in front of the API, and have none of its headers.
	switch status {
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return nil
	}
	if r := c.g.responses[f.kind]; r != nil {
		return r
	}
	if status < 500 {
		return c.g.responses["DEFAULT_4XX"]
	}
	return c.g.responses["DEFAULT_5XX"]
}

// chooseByAccept picks a template by the request's Accept header: an exact match, or application/json, or the first.
func (c *call) chooseByAccept(contentTypes []string) string {
	accept, _ := c.headers.get("Accept")
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(first, ";")
	choice := contentTypes[0]
	for _, t := range contentTypes {
		if t == strings.TrimSpace(first) {
			return t
		}
		if t == "application/json" {
			choice = t
		}
	}
	return choice
}
