package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// templateName is the file of the plain template.
const templateName = "token-handler.template.json"

// The plain template is a synthesized one with these values, which parameters
// replace. So it follows every change of the construct.
const (
	firstOrigin  = "https://first.origin.invalid"
	secondOrigin = "https://second.origin.invalid"
	prefix       = "cookienameprefix"
	issuer       = "https://issuer.invalid"
	clientID     = "client-of-a-parameter"
)

// severalOrigins is the condition that the second origin is given. Templates for
// one and for two origins differ: see merge.
const severalOrigins = "SeveralOrigins"

type object = map[string]any

// newTemplate makes the plain template.
func newTemplate() ([]byte, error) {
	one, err := synthesized(firstOrigin)
	if err != nil {
		return nil, err
	}
	two, err := synthesized(firstOrigin, secondOrigin)
	if err != nil {
		return nil, err
	}
	resources := object{}
	for id, resource := range merge(one, two).(object) {
		resources[id] = substitute(resource)
	}
	parameters, conditions := parametersAndConditions()
	parameterize(resources)
	template := object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "OAuth token handler for single page applications: the OAuth agent and the OAuth proxy, on a REST API that exists",
		"Metadata":                 object{"AWS::CloudFormation::Interface": object{"ParameterGroups": parameterGroups()}},
		"Parameters":               parameters,
		"Conditions":               conditions,
		"Resources":                resources,
		"Outputs": object{
			"AuthorizerId":          output("Authorizer for the methods of your API", object{"Ref": "Authorizer"}),
			"AuthorizerFunctionArn": output("OAuth proxy", object{"Fn::GetAtt": []any{"AuthorizerFunction", "Arn"}}),
			"AgentFunctionArn":      output("OAuth agent", object{"Fn::GetAtt": []any{"AgentFunction", "Arn"}}),
			"EncryptionKeyArn":      output("Secret with the key of the session cookies", object{"Ref": "EncryptionKey"}),
		},
	}
	return marshal(template)
}

func output(description string, value any) object {
	return object{"Description": description, "Value": value}
}

// marshal writes JSON with sorted keys, and <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return out.Bytes(), err
}

// synthesized returns the resources of a token handler for some origins, without
// the API and its deployment.
func synthesized(origins ...string) (resources object, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
	// CDK validates templates below an App only, which takes seconds. The tests do it.
	stack := awscdk.NewStack(awscdk.NewStage(app, jsii.String("Release"), nil), jsii.String("Stack"), nil)
	handler := tokenhandler.New(stack, construct, plainProps(stack, origins))
	// An authorizer must have a method. placeholder is left out of the template.
	handler.Protect(tokenhandler.Route{Path: "/" + placeholder, Methods: []string{"GET"}, Upstream: "https://upstream.invalid"})

	var template struct{ Resources map[string]any }
	raw, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		return nil, err
	}
	return plain(template.Resources), nil
}

const (
	construct   = "TokenHandler"
	placeholder = "placeholder"
)

// plainProps has scopes of routes switched on: refusals then have the field
// scope, which is empty where no route demands one.
func plainProps(stack awscdk.Stack, origins []string) *tokenhandler.Props {
	return &tokenhandler.Props{
		Application: tokenhandler.Application{TrustedWebOrigins: origins, RedirectURI: firstOrigin + "/"},
		Provider: tokenhandler.Provider{
			Issuer: issuer, ClientID: clientID, JWKSEndpoint: "https://jwks.invalid",
			ClientSecret: awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("GivenSecret"), jsii.String("given")),
		},
		Cookies:      tokenhandler.Cookies{NamePrefix: prefix},
		AccessTokens: tokenhandler.AccessTokens{VerifyTokens: true, Audience: []string{"https://api.invalid"}},
	}
}

var hashRE = regexp.MustCompile(`[0-9A-F]{8}$`)

// plain removes the API from the resources, which become those of a given API,
// and gives them shorter logical ids.
func plain(resources object) object {
	names := map[string]string{} // new logical ids by old ones
	kept := object{}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		r := resources[id].(object)
		properties, _ := r["Properties"].(object)
		name := strings.TrimPrefix(hashRE.ReplaceAllString(id, ""), construct)
		switch r["Type"] {
		case "AWS::ApiGateway::RestApi":
			names[id] = restAPI
			continue
		case "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage":
			continue
		case "AWS::ApiGateway::Model", "AWS::ApiGateway::RequestValidator":
			continue // the models hold EXTRA_PARAMETERS; the agent checks all bodies itself
		case "AWS::Lambda::Permission":
			name = "AuthorizerPermission"
			if strings.Contains(fmt.Sprint(properties["FunctionName"]), construct+"AgentFunction") {
				name = "AgentPermission"
			}
		}
		if strings.Contains(name, "Api"+placeholder) {
			continue
		}
		if r["Type"] == "AWS::ApiGateway::Authorizer" {
			properties["Name"] = "token-handler"
		}
		delete(r, "Metadata")
		delete(properties, "RequestModels")
		delete(properties, "RequestValidatorId")
		names[id], kept[name] = name, r
	}
	return rename(kept, names).(object)
}

// restAPI and rootResource are the parameters for the API.
const (
	restAPI      = "RestApiId"
	rootResource = "RootResourceId"
)

// rename replaces logical ids wherever they stand. The root resource of the API
// is a parameter.
func rename(v any, names map[string]string) any {
	switch v := v.(type) {
	case object:
		if list, ok := v["Fn::GetAtt"].([]any); ok && names[list[0].(string)] == restAPI {
			return object{"Ref": rootResource}
		}
		out := object{}
		for key, value := range v {
			out[key] = rename(value, names)
		}
		return out
	case []any:
		var out []any
		for _, item := range v {
			out = append(out, rename(item, names))
		}
		return out
	case string:
		if name, ok := names[v]; ok {
			return name
		}
	}
	return v
}

// merge returns a value that is one with one origin, and several with two.
func merge(one, several any) any {
	if first, ok := one.([]any); ok {
		if second, ok := several.([]any); ok && len(first) == len(second) {
			out := make([]any, len(first))
			for i := range first {
				out[i] = merge(first[i], second[i])
			}
			return out
		}
	}
	a, isObject := one.(object)
	b, areObjects := several.(object)
	if !isObject || !areObjects {
		if reflect.DeepEqual(one, several) {
			return one
		}
		return object{"Fn::If": []any{severalOrigins, several, one}}
	}
	out := object{}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		values := [2]any{object{"Ref": "AWS::NoValue"}, object{"Ref": "AWS::NoValue"}}
		for i, from := range []object{a, b} {
			if value, ok := from[key]; ok {
				values[i] = value
			}
		}
		out[key] = merge(values[0], values[1])
	}
	return out
}

// substitute puts the parameters in place of the values that stand for them.
func substitute(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, value := range v {
			out[key] = substitute(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = substitute(item)
		}
		return out
	case string:
		text := strings.NewReplacer("${", "${!", firstOrigin, "${TrustedWebOrigin}", secondOrigin, "${SecondTrustedWebOrigin}",
			prefix, "${CookieNamePrefix}", issuer, "${Issuer}", clientID, "${ClientId}").Replace(v)
		if text == v || text == strings.ReplaceAll(v, "${", "${!") {
			return v
		}
		return object{"Fn::Sub": text}
	}
	return v
}
