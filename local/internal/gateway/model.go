package gateway

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// defaultModel is the content type of a model for bodies of every other type.
const defaultModel = "$default"

// compileModels reads JSON schemas by content type. AWS, "Data models for REST APIs": "In API Gateway, models are defined
// using the JSON schema draft 4."
func compileModels(schemas map[string]string) (map[string]*jsonschema.Schema, error) {
	out := map[string]*jsonschema.Schema{}
	for _, contentType := range sortedKeys(schemas) {
		if contentType != defaultModel && (contentType != strings.ToLower(contentType) || strings.ContainsAny(contentType, "; ") ||
			contentType != "application/json" && !strings.HasSuffix(contentType, "+json")) {
			return nil, fmt.Errorf("%q is not implemented, only JSON types in lower case and %s are", contentType, defaultModel)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(schemas[contentType]))
		if err != nil {
			return nil, fmt.Errorf("[%s]: %w", contentType, err)
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft4)
		c.UseLoader(jsonschema.SchemeURLLoader{}) // no scheme at all: references to other models are refused
		if err := c.AddResource("urn:model", document); err != nil {
			return nil, fmt.Errorf("[%s]: %w", contentType, err)
		}
		if out[contentType], err = c.Compile("urn:model"); err != nil {
			return nil, fmt.Errorf("[%s]: %w", contentType, err)
		}
	}
	return out, nil
}

// checkBody is a request validator with ValidateRequestBody. AWS, "Request validation for REST APIs": "If no matching
// content type is found, request validation is not performed. To use the same model regardless of the content type, set
// the content type for your data model to $default." A request without content type is taken for application/json, as
// for mapping templates, and an empty body for {}, as $input.body is; neither is on that page.
func (c *call) checkBody() *fault {
	contentType, _ := c.headers.get("Content-Type")
	mediaType, _, _ := strings.Cut(contentType, ";")
	if mediaType = strings.ToLower(strings.TrimSpace(mediaType)); mediaType == "" {
		mediaType = "application/json"
	}
	model := c.route.models[mediaType]
	if model == nil {
		model = c.route.models[defaultModel]
	}
	if model == nil {
		return nil
	}
	body := c.body
	if len(body) == 0 {
		body = []byte("{}")
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = model.Validate(document)
	}
	if err != nil {
		// The error repeats the body.
		return newFault("BAD_REQUEST_BODY", "Invalid request body", "the body does not meet the model")
	}
	return nil
}
