package tokenhandler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tokenhandler/aws/internal/contract"
	"github.com/tokenhandler/aws/internal/settings"
)

// draft4 is the schema version of models. AWS: "In API Gateway, models are
// defined using the JSON schema draft 4."
const draft4 = "http://json-schema.org/draft-04/schema#"

// maxSchema bounds a schema, as text. AWS: "Model size: 400 KB".
const maxSchema = 400 << 10

// methodsWithBody are those Route.RequestSchema is for.
var methodsWithBody = []string{"POST", "PUT", "PATCH"}

// checkValidation panics if the gateway cannot check the requirements of a
// route.
func (h *ProtectedAPI) checkValidation(r *Route) {
	for i, q := range r.RequiredQueryParameters {
		switch {
		case !queryRE.MatchString(q) || slices.Contains(r.RequiredQueryParameters[:i], q):
			r.misuse(&r.RequiredQueryParameters, "of %s has %q: expected names of letters, digits and :._$-, each once", r.Path, q)
		case !r.whole() && !slices.Contains(r.QueryParameters, q):
			r.misuse(&r.RequiredQueryParameters, "of %s has %q: expected some of %s, others do not go up", r.Path, q, r.setting(&r.QueryParameters))
		}
	}
	if r.RequestSchema == nil {
		return
	}
	if !slices.ContainsFunc(r.Methods, func(m string) bool { return slices.Contains(methodsWithBody, m) }) {
		r.misuse(&r.RequestSchema, "of %s: expected one of %s among %s", r.Path, strings.Join(methodsWithBody, ", "), r.setting(&r.Methods))
	}
	if h.binary() {
		r.misuse(&r.RequestSchema, "of %s: cannot be combined with %s, nothing says how API Gateway validates binary bodies", r.Path, settings.SettingOf(&h.props, &h.props.BinaryMediaTypes))
	}
	if err := checkSchema(r.RequestSchema); err != nil {
		r.misuse(&r.RequestSchema, "of %s: expected JSON schema draft 4 without references to elsewhere: %s", r.Path, err)
	}
}

func checkSchema(schema map[string]any) error {
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	if len(text) > maxSchema {
		return fmt.Errorf("it has %d bytes, more than %d", len(text), maxSchema)
	}
	if version, given := schema["$schema"]; given && version != draft4 {
		return fmt.Errorf("$schema is %v", version)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(jsonschema.SchemeURLLoader{}) // no scheme at all, so that validators do not fetch it
	if err := c.AddResource("urn:model", document); err != nil {
		return err
	}
	_, err = c.Compile("urn:model")
	return err
}

// validate adds the requirements of the route to the options of a method.
func (h *ProtectedAPI) validate(options *awsapigateway.MethodOptions, route Route, method string) {
	if len(route.RequiredQueryParameters) > 0 {
		if options.RequestParameters == nil {
			options.RequestParameters = &map[string]*bool{}
		}
		for _, name := range route.RequiredQueryParameters {
			(*options.RequestParameters)["method.request.querystring."+name] = jsii.Bool(true)
		}
	}
	body := route.RequestSchema != nil && slices.Contains(methodsWithBody, method)
	if body {
		model := h.model("Model"+strings.ReplaceAll(route.Path, "/", "|"), route.RequestSchema)
		// AWS, "Request validation for REST APIs": "If no matching content type
		// is found, request validation is not performed. To use the same model
		// regardless of the content type, set the content type for your data
		// model to $default." Without it, text/plain would be the way round.
		options.RequestModels = &map[string]awsapigateway.IModel{"application/json": model, "$default": model}
	}
	options.RequestValidator = h.validator(body, len(route.RequiredQueryParameters) > 0)
}

// validator finds or makes the validator that looks at bodies, at required
// parameters or at both. One that looked at both everywhere would hold methods
// without a model to the API's model "Empty".
func (h *ProtectedAPI) validator(body, parameters bool) awsapigateway.IRequestValidator {
	id := ""
	switch {
	case body && parameters:
		id = "RequestValidator"
	case body:
		id = "BodyValidator"
	case parameters:
		id = "ParameterValidator"
	default:
		return nil
	}
	if v := h.validators[id]; v != nil {
		return v
	}
	v := awsapigateway.NewRequestValidator(h, jsii.String(id), &awsapigateway.RequestValidatorProps{
		RestApi:                   h.API,
		ValidateRequestBody:       jsii.Bool(body),
		ValidateRequestParameters: jsii.Bool(parameters),
	})
	if h.validators == nil {
		h.validators = map[string]awsapigateway.IRequestValidator{}
	}
	h.validators[id] = v
	return v
}

// model finds or makes the model of a schema; methods of one route share it.
// awsapigateway.Model would take
// its own struct instead of a schema.
func (h *ProtectedAPI) model(id string, schema map[string]any) awsapigateway.IModel {
	if m := h.models[id]; m != nil {
		return m
	}
	full := map[string]any{"$schema": draft4}
	for key, value := range schema {
		full[key] = value
	}
	model := awsapigateway.NewCfnModel(h, jsii.String(id), &awsapigateway.CfnModelProps{
		RestApiId:   *h.API.RestApiId(),
		ContentType: jsii.String("application/json"),
		Schema:      full,
	})
	if d := h.API.LatestDeployment(); d != nil {
		// A changed schema reaches the stage only with a new deployment.
		d.AddToLogicalId(map[string]any{id: full})
	}
	named := awsapigateway.Model_FromModelName(h, jsii.String(id+"Name"), model.Ref())
	if h.models == nil {
		h.models = map[string]awsapigateway.IModel{}
	}
	h.models[id] = named
	return named
}

// binary reports whether the API has binary media types.
func (h *ProtectedAPI) binary() bool {
	api, ok := h.API.Node().DefaultChild().(awsapigateway.CfnRestApi)
	return ok && api.BinaryMediaTypes() != nil && len(*api.BinaryMediaTypes()) > 0
}

// agentSchemas are the JSON bodies of the agent's endpoints that take one
// (docs/openapi.yaml). They accept every body that the agent accepts:
// additional members stay allowed, and the agent still checks them.
func agentSchemas(allowed []string) map[string]map[string]any {
	parameter := map[string]any{
		"type":     "object",
		"required": []string{"key", "value"},
		"properties": map[string]any{
			"key":   map[string]any{"enum": allowed},
			"value": map[string]any{"type": "string", "maxLength": 2048}, // the agent's limit for claims; it has 512 bytes for others
		},
	}
	return map[string]map[string]any{
		contract.EndpointLoginStart: {"type": "object", "properties": map[string]any{
			"extraParams": map[string]any{"type": []string{"array", "null"}, "maxItems": len(allowed), "items": parameter},
		}},
		contract.EndpointLoginEnd: {"type": "object", "properties": map[string]any{
			"pageUrl": map[string]any{"type": []string{"string", "null"}, "maxLength": 16 << 10}, // the agent's maxBody
		}},
	}
}

// validateAgent adds the model of one of the agent's endpoints, under
// application/json only: forms, which have no schema, and every other content
// type go to the agent ("If no matching content type is found, request
// validation is not performed"). An empty body is taken for {}, which both
// models accept.
//
// The models are omitted if a page could not read the gateway's refusal: with
// several trusted origins only the agent, which runs without the authorizer,
// can name the origin of the request. They are also omitted with binary media
// types, because AWS does not document how it validates binary bodies.
func (h *TokenHandler) validateAgent(options *awsapigateway.MethodOptions, path string, allowed []string) bool {
	schema, ok := agentSchemas(allowed)[path]
	if !ok || h.binary() || len(trustedBy(h.siblings())) != 1 {
		return false
	}
	model := h.model("AgentModel|"+strings.ReplaceAll(path, "/", "|"), schema)
	options.RequestModels = &map[string]awsapigateway.IModel{"application/json": model}
	options.RequestValidator = h.validator(true, false)
	return true
}

// leaveToAgent undoes validateAgent, for a second token handler of the API
// that brings another origin.
func (h *TokenHandler) leaveToAgent() {
	for _, m := range h.validated {
		m.AddPropertyDeletionOverride(jsii.String("RequestModels"))
		m.AddPropertyDeletionOverride(jsii.String("RequestValidatorId"))
	}
	h.validated = nil
}
