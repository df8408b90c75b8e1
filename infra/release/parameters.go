package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/settings"
)

// unsupported are variables that are no parameters: they need other resources
// than the template has, or follow from it. docs/without-go.md lists them.
var unsupported = map[string]string{
	"AGENT_BASE_PATH":           "the agent's resources are below /oauth-agent",
	"TOKEN_MEDIATION":           "needs the endpoint POST token",
	"CSRF_HEADER":               "the preflights allow the default",
	"ENCRYPTION_KEY":            "the template makes the key",
	"ENCRYPTION_KEY_SECRET_ARN": "needs permission to read the secret",
	"CLIENT_KMS_KEY_ID":         "needs permission to sign",
	"CACHE_TTL":                 "needs two authorizers",
	"CACHE_DIALECT":             "needs two authorizers",
	"DPOP":                      "needs routes that the construct made",
	"UPSTREAMS":                 "needs DPOP",
	"DEVICE_BINDING":            "needs further endpoints",
	"DEVICE_COOKIE_LIFETIME":    "needs DEVICE_BINDING",
	"DEPLOYMENT":                "Issuer and ClientId",
	"SESSIONS_TABLE":            "needs a table and permissions",
	"SESSIONS_KEY":              "needs SESSIONS_TABLE",
	"SESSIONS_REPEAT":           "needs SESSIONS_TABLE",
	"PREVIEW_ORIGIN":            "the preflights allow exact origins",
	"TRUSTED_WEB_ORIGINS":       "TrustedWebOrigin and SecondTrustedWebOrigin",
}

// setting is a variable of a Lambda as a parameter of the template.
type setting struct {
	settings.Variable
	parameter string
	lambdas   []string // logical ids of the functions
}

// cookiePrefix is the variable that the names of cookies and headers are made of.
const cookiePrefix = "COOKIE_NAME_PREFIX"

const (
	agent      = "AgentFunction"
	authorizer = "AuthorizerFunction"
)

// parameterSettings lists the variables that are parameters. A setting that both
// Lambdas have has one parameter. A variable with another meaning in the
// authorizer, such as CLIENT_ID, which introspects, has one that begins with
// Authorizer.
func parameterSettings() []setting {
	var list []setting
	add := func(lambda, prefix string, variables []settings.Variable) {
		for _, v := range variables {
			if unsupported[v.Name] == "" {
				list = append(list, setting{v, prefix + parameterName(v), []string{lambda}})
			}
		}
	}
	shared := settings.Describe(settings.Shared{})
	isShared := func(v settings.Variable) bool {
		return slices.ContainsFunc(shared, func(s settings.Variable) bool { return s.Name == v.Name })
	}
	ofAgent, ofAuthorizer := settings.Describe(settings.Agent{}), settings.Describe(settings.Authorizer{})
	ofBoth := func(v settings.Variable) bool {
		same := func(o settings.Variable) bool { return o.Name == v.Name }
		return isShared(v) && slices.ContainsFunc(ofAgent, same) && slices.ContainsFunc(ofAuthorizer, same)
	}
	add(agent, "", ofAgent)
	for i := range list {
		if ofBoth(list[i].Variable) {
			list[i].lambdas = append(list[i].lambdas, authorizer)
		}
	}
	named := map[string]bool{}
	for _, s := range list {
		named[s.Name] = true
	}
	for _, v := range ofAuthorizer {
		switch {
		case ofBoth(v):
		case named[v.Name]:
			add(authorizer, "Authorizer", []settings.Variable{v})
		default:
			add(authorizer, "", []settings.Variable{v})
		}
	}
	return list
}

// parameterName is the name of a variable without underscores: RedirectUri of
// REDIRECT_URI. For a secret it names the secret in Secrets Manager:
// ClientCredentialName of CLIENT_SECRET. Linters take a parameter with Secret in
// its name for a password.
func parameterName(v settings.Variable) string {
	var name strings.Builder
	for word := range strings.SplitSeq(strings.ToLower(v.Name), "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	if v.Secret {
		return strings.ReplaceAll(name.String(), "Secret", "Credential") + "Name"
	}
	return name.String()
}

func (s setting) given() string { return "Has" + s.parameter }

// value is the value of the variable, in a template. The Lambdas take an empty
// variable for a missing one, so only secrets need a condition. Tools that try all
// combinations of conditions, as cfn-lint and CDK do, end with few of them only.
func (s setting) value() any {
	if !s.Secret {
		return object{"Ref": s.parameter}
	}
	reference := object{"Fn::Sub": "{{resolve:secretsmanager:${" + s.parameter + "}:SecretString:::}}"}
	return object{"Fn::If": []any{s.given(), reference, object{"Ref": "AWS::NoValue"}}}
}

const originRE = `https://[a-z0-9.-]+(:[0-9]+)?|http://([a-z0-9-]+\.)*localhost(:[0-9]+)?`

func parametersAndConditions() (parameters, conditions object) {
	parameters = object{
		restAPI:                  parameter("Id of the REST API that gets the agent's endpoints, the gateway responses and the authorizer", nil),
		rootResource:             parameter("Id of the root resource of the API", nil),
		"CodeBucket":             parameter("S3 bucket with the zips of the Lambdas, in the region of the stack", nil),
		"CodePrefix":             parameter("Prefix of the keys of the zips, such as token-handler/0.1.0/. Use another one for each version, or CloudFormation sees no change", ""),
		"Architecture":           parameter("Architecture of the Lambdas", "arm64"),
		"TrustedWebOrigin":       parameter("TRUSTED_WEB_ORIGINS: the application's origin, such as https://www.example.com", nil),
		"SecondTrustedWebOrigin": parameter("TRUSTED_WEB_ORIGINS: another origin of the same site. Optional", ""),
	}
	parameters["Architecture"].(object)["AllowedValues"] = []string{"arm64", "x86_64"}
	for name, re := range map[string]string{"TrustedWebOrigin": originRE, "SecondTrustedWebOrigin": originRE + "|", "CodePrefix": `[A-Za-z0-9!_.*'()/-]*`} {
		parameters[name].(object)["AllowedPattern"] = "^(" + re + ")$"
	}
	conditions = object{severalOrigins: isGiven("SecondTrustedWebOrigin")}
	for _, s := range parameterSettings() {
		description, expects := s.Name+": ", s.Expects
		if s.Secret {
			expects = "the name or ARN of the secret in Secrets Manager whose value is " + expects
		}
		description += expects
		if s.Required {
			parameters[s.parameter] = parameter(description, nil)
			continue
		}
		if s.Name == cookiePrefix {
			// It is part of the names of cookies and of the CSRF header.
			parameters[s.parameter] = parameter(description, s.Default)
			parameters[s.parameter].(object)["AllowedPattern"] = "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"
			continue
		}
		if s.Default != "" {
			description += ". Default: " + s.Default
		}
		parameters[s.parameter] = parameter(description, "")
		if s.Secret {
			conditions[s.given()] = isGiven(s.parameter)
		}
	}
	return parameters, conditions
}

func isGiven(parameter string) object {
	return object{"Fn::Not": []any{object{"Fn::Equals": []any{object{"Ref": parameter}, ""}}}}
}

func parameter(description string, byDefault any) object {
	p := object{"Type": "String", "Description": description}
	if byDefault != nil {
		p["Default"] = byDefault
	}
	return p
}

// parameterGroups puts the required parameters first.
func parameterGroups() []object {
	all, _ := parametersAndConditions()
	groups := []object{{"Label": object{"default": "Required"}}, {"Label": object{"default": "Optional"}}}
	for i, required := range []bool{true, false} {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if (all[name].(object)["Default"] == nil) == required {
				names = append(names, name)
			}
		}
		groups[i]["Parameters"] = names
	}
	return groups
}

// parameterize gives the functions their code, architecture and environment by
// parameters. Variables that are no parameters stay as the construct wrote them.
func parameterize(resources object) {
	for id, name := range map[string]string{agent: "agent", authorizer: "authorizer"} {
		properties := resources[id].(object)["Properties"].(object)
		properties["Architectures"] = []any{object{"Ref": "Architecture"}}
		properties["Code"] = object{
			"S3Bucket": object{"Ref": "CodeBucket"},
			"S3Key":    object{"Fn::Sub": "${CodePrefix}" + name + "-${Architecture}.zip"},
		}
		variables := properties["Environment"].(object)["Variables"].(object)
		maps.DeleteFunc(variables, func(name string, _ any) bool { return unsupported[name] == "" })
		for _, s := range parameterSettings() {
			if slices.Contains(s.lambdas, id) {
				variables[s.Name] = s.value()
			}
		}
		if _, ok := variables["ENCRYPTION_KEY"]; !ok {
			panic(fmt.Sprintf("release: %s has no ENCRYPTION_KEY", id))
		}
	}
}
