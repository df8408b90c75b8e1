package template

import (
	"encoding/json"
	"maps"
	"slices"
)

// emptyModel is the schema of the model "Empty" that every API has.
const emptyModel = `{"$schema":"http://json-schema.org/draft-04/schema#","title":"Empty Schema","type":"object"}`

// validator is a request validator.
type validator struct{ body, parameters bool }

// validators returns the request validators of an API by id.
func (l *loader) validators(api *API) map[string]validator {
	out := map[string]validator{}
	for _, id := range l.ofType("AWS::ApiGateway::RequestValidator") {
		if p := l.read(l.Resources[id]); p.str("RestApiId") == api.ID {
			ref, _ := l.ref(id, 0)
			out[ref.(string)] = validator{p.str("ValidateRequestBody") == "true", p.str("ValidateRequestParameters") == "true"}
		}
	}
	return out
}

// models returns the JSON schemas of the models of an API, by name.
func (l *loader) models(api *API) map[string]string {
	out := map[string]string{"Empty": emptyModel}
	for _, id := range l.ofType("AWS::ApiGateway::Model") {
		p := l.read(l.Resources[id])
		if p.str("RestApiId") != api.ID {
			continue
		}
		if t := p.str("ContentType"); t != "application/json" {
			p.fail("property ContentType: %q is not implemented, only application/json is", t)
		}
		ref, err := l.ref(id, 0)
		if err != nil {
			p.fail("property Name: %w", err)
			continue
		}
		switch schema := p.m["Schema"].(type) {
		case string:
			out[ref.(string)] = schema
		case map[string]any:
			text, err := json.Marshal(schema)
			if err != nil {
				p.fail("property Schema: %w", err)
			}
			out[ref.(string)] = string(text)
		default:
			p.fail("property Schema: expected a JSON schema")
		}
	}
	return out
}

// schemas reads the schemas that a method with body validation checks bodies against.
func (p props) schemas(models map[string]string) map[string]string {
	names, out := p.stringMap("RequestModels"), map[string]string{}
	if len(names) == 0 {
		// AWS does not document this case.
		p.fail("property RequestModels: body validation without a model is not implemented")
	}
	for _, contentType := range slices.Sorted(maps.Keys(names)) {
		schema, ok := models[names[contentType]]
		if !ok {
			p.fail("property RequestModels.%s: %q is not a usable model of this template", contentType, names[contentType])
		}
		out[contentType] = schema
	}
	return out
}
