// Package openapitest compares responses of the agent with its description,
// docs/openapi.yaml. It is for tests.
package openapitest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Description is an OpenAPI description.
type Description struct{ document *openapi3.T }

// Load reads the description in a file and checks that it is valid.
func Load(file string) (*Description, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, err
	}
	return &Description{document}, nil
}

// Operations lists the described operations, such as "POST /login/start",
// sorted.
func (d *Description) Operations() []string {
	var operations []string
	for path, item := range d.document.Paths.Map() {
		for method := range item.Operations() {
			operations = append(operations, method+" "+path)
		}
	}
	slices.Sort(operations)
	return operations
}

// Codes returns the codes of refusals by status, of all operations together.
func (d *Description) Codes() map[int][]string {
	codes := map[int][]string{}
	for _, item := range d.document.Paths.Map() {
		for _, operation := range item.Operations() {
			for text, response := range operation.Responses.Map() {
				status, err := strconv.Atoi(text)
				if err != nil || status < 400 {
					continue
				}
				schema := response.Value.Content["application/json"].Schema.Value
				for _, code := range schema.Properties["code"].Value.Enum {
					if code, ok := code.(string); ok && !slices.Contains(codes[status], code) {
						codes[status] = append(codes[status], code)
					}
				}
			}
		}
	}
	return codes
}

// Check validates the response to a request: its status, headers and body must
// be described. The endpoint is the path below the agent's base path, such as
// /login/start. For an endpoint or a method without a description, the response
// must be a refusal that fits the component of its status.
func (d *Description) Check(method, endpoint string, status int, header http.Header, body string) error {
	request, err := http.NewRequest(method, "https://api.example.com/oauth-agent"+endpoint, nil)
	if err != nil {
		return err
	}
	item := d.document.Paths.Value(endpoint)
	var operation *openapi3.Operation
	if item != nil {
		operation = item.GetOperation(knownMethod(method))
	}
	if operation == nil {
		if operation = d.refusal(status); operation == nil {
			return fmt.Errorf("openapi: %s %s is not described and answered %d", method, endpoint, status)
		}
		item = &openapi3.PathItem{}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: d.document, PathItem: item, Method: method, Operation: operation},
		},
		Status: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return fmt.Errorf("openapi: %s %s answered %d: %w", method, endpoint, status, err)
	}
	if status == http.StatusNoContent && body != "" {
		return fmt.Errorf("openapi: %s %s answered %d with a body", method, endpoint, status)
	}
	// JSON Schema cannot say that two values are equal.
	var refused struct {
		Code      string `json:"code"`
		ErrorCode string `json:"error_code"`
	}
	if status >= 400 && (json.Unmarshal([]byte(body), &refused) != nil || refused.Code != refused.ErrorCode) {
		return fmt.Errorf("openapi: %s %s answered code %q and error_code %q", method, endpoint, refused.Code, refused.ErrorCode)
	}
	return nil
}

// knownMethod keeps GetOperation from panicking on an unknown method.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY":
		return method
	}
	return "TRACE"
}

// refusal is an operation whose only response is that of a status, or nil.
func (d *Description) refusal(status int) *openapi3.Operation {
	names := map[int]string{401: "Unauthorized", 404: "NotFound", 405: "MethodNotAllowed"}
	response := d.document.Components.Responses[names[status]]
	if response == nil {
		return nil
	}
	responses := openapi3.NewResponsesWithCapacity(1)
	responses.Set(fmt.Sprint(status), response)
	return &openapi3.Operation{Responses: responses}
}
