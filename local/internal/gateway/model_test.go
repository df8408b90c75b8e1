package gateway

import (
	"strings"
	"testing"
)

const orderSchema = `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"n":{"type":"integer","minimum":1}}}`

// validated gives login/start, and the protected GET /orders, a model and a validator for bodies.
func validated(models map[string]any, edit func(resources map[string]any)) func(map[string]any) {
	return func(r map[string]any) {
		api := map[string]any{"Ref": "ApiF70053CD"}
		r["Model"] = map[string]any{"Type": "AWS::ApiGateway::Model", "Properties": map[string]any{
			"RestApiId": api, "ContentType": "application/json", "Schema": orderSchema}}
		r["Validator"] = map[string]any{"Type": "AWS::ApiGateway::RequestValidator", "Properties": map[string]any{
			"RestApiId": api, "ValidateRequestBody": true}}
		for _, method := range []string{"oauth-agent/login/start/POST/Resource", "/orders/GET/Resource"} {
			p := properties(r, method)
			p["RequestValidatorId"], p["RequestModels"] = map[string]any{"Ref": "Validator"}, models
		}
		if edit != nil {
			edit(r)
		}
	}
}

func TestBodyValidation(t *testing.T) {
	model := map[string]any{"Ref": "Model"}
	jsonOnly := map[string]any{"application/json": model}
	for _, tt := range []struct {
		name, contentType, body string
		models                  map[string]any
		refused                 bool
	}{
		{"meets the model", "application/json", `{"n":1,"other":true}`, jsonOnly, false},
		{"wrong type", "application/json", `{"n":"1"}`, jsonOnly, true},
		{"out of range", "application/json", `{"n":0}`, jsonOnly, true},
		{"not an object", "application/json", `[]`, jsonOnly, true},
		{"not JSON", "application/json", `{`, jsonOnly, true},
		{"something after it", "application/json", `{} {}`, jsonOnly, true},
		{"with a charset", "application/json; charset=utf-8", `{"n":0}`, jsonOnly, true},
		{"in upper case", "Application/JSON", `{"n":0}`, jsonOnly, true},
		{"no content type", "", `{"n":0}`, jsonOnly, true},
		{"empty is {}", "application/json", ``, jsonOnly, false},
		{"empty without content type", "", ``, jsonOnly, false},
		{"a form", "application/x-www-form-urlencoded", `n=0`, jsonOnly, false},
		{"another content type", "text/plain", `{"n":0}`, jsonOnly, false},
		{"$default holds for every type", "text/plain", `{"n":0}`, map[string]any{"$default": model}, true},
		{"$default holds for application/json", "application/json", `{"n":0}`, map[string]any{"$default": model}, true},
		{"the type's own before $default", "application/json", `{"n":0}`, map[string]any{"application/json": "Empty", "$default": model}, false},
		{"Empty wants an object", "application/json", `7`, map[string]any{"application/json": "Empty"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{edit: validated(tt.models, nil)}).start(t)
			var header []string
			if tt.contentType != "" {
				header = []string{"Content-Type", tt.contentType}
			}
			res := f.do(t, "POST", "/oauth-agent/login/start", tt.body, header...)
			if !tt.refused {
				res.want(t, 200, "")
				return
			}
			res.want(t, 400, `{"message":"Invalid request body"}`)
			res.wantHeader(t, "x-amzn-ErrorType", "BadRequestException")
			if len(f.events[agentFn]) != 0 {
				t.Error("the function ran")
			}
		})
	}
}

// The authorizer decides before the body is looked at.
func TestAuthorizerBeforeModel(t *testing.T) {
	f := (&fixture{edit: validated(map[string]any{"$default": map[string]any{"Ref": "Model"}}, nil)}).start(t)
	f.do(t, "GET", "/orders", `{"n":0}`).want(t, 400, "")
	f.authorizer = func(map[string]any) (Result, error) { return ok(policyJSON("Deny", `{"code":"unauthorized_request"}`)) }
	if res := f.do(t, "GET", "/orders", `{"n":0}`); res.status == 400 {
		t.Errorf("got %d for a request the authorizer refuses", res.status)
	}
}

// Schemas that are not implemented are refused by name.
func TestModelsNotImplemented(t *testing.T) {
	ref := map[string]any{"Ref": "Model"}
	schema := func(text string) func(map[string]any) {
		return func(r map[string]any) { r["Model"].(map[string]any)["Properties"].(map[string]any)["Schema"] = text }
	}
	for _, tt := range []struct {
		name   string
		models map[string]any
		edit   func(map[string]any)
		want   string
	}{
		{"other content types", map[string]any{"text/xml": ref}, nil, `"text/xml" is not implemented`},
		{"no model", nil, nil, "body validation without a model is not implemented"},
		{"an unknown model", map[string]any{"application/json": "Nobody"}, nil, `"Nobody" is not a usable model`},
		{"no JSON", map[string]any{"application/json": ref}, schema(`{`), "property RequestModels: [application/json]"},
		{"no schema", map[string]any{"application/json": ref}, schema(`{"type":"thing"}`), "property RequestModels: [application/json]"},
		{"a reference to another model", map[string]any{"application/json": ref},
			schema(`{"$ref":"https://apigateway.amazonaws.com/restapis/x/models/Other"}`), "property RequestModels: [application/json]"},
		{"binary media types", map[string]any{"application/json": ref}, func(r map[string]any) {
			r["ApiF70053CD"].(map[string]any)["Properties"].(map[string]any)["BinaryMediaTypes"] = []any{"image/png"}
		}, "not implemented on an API with BinaryMediaTypes"},
		{"a model of another type", map[string]any{"application/json": ref}, func(r map[string]any) {
			r["Model"].(map[string]any)["Properties"].(map[string]any)["ContentType"] = "text/xml"
		}, `property ContentType: "text/xml" is not implemented`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fixture{edit: validated(tt.models, tt.edit)}
			if err := f.refused(t); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}
