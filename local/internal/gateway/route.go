package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tokenhandler/aws/local/internal/template"
	"github.com/tokenhandler/aws/local/internal/vtl"
)

// route is a method, compiled.
type route struct {
	*template.Method
	authorizer *authorizer

	required            []mapping // parameters that a request validator insists on
	models              map[string]*jsonschema.Schema
	header, query, path []mapping // integration request parameters
	requestTemplates    map[string]*vtl.Template
	responses           []responseRule
}

// responseRule is an integration response of a non-proxy integration.
type responseRule struct {
	pattern   *regexp.Regexp // nil: the default
	status    int
	header    []mapping
	templates map[string]*vtl.Template
}

// illegalMapped are headers that a request mapping cannot set: AWS answers 500 when one is tried.
var illegalMapped = []string{"content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"}

// compile reads every expression and template of the method.
func (r *route) compile() (errs []error) {
	fail := func(property string, err error) { errs = append(errs, fmt.Errorf("property %s: %w", property, err)) }
	if r.ValidateParameters {
		for _, name := range slices.Sorted(maps.Keys(r.RequestParameters)) {
			if !r.RequestParameters[name] {
				continue
			}
			s, err := parseSource(name, place{declared: r.RequestParameters})
			if err != nil {
				fail("RequestParameters", err)
				continue
			}
			r.required = append(r.required, mapping{name[strings.LastIndex(name, ".")+1:], s})
		}
	}
	var err error
	if r.models, err = compileModels(r.Schemas); err != nil {
		fail("RequestModels", err)
	}
	in := &r.Integration
	proxy := in.Type == "AWS_PROXY" || in.Type == "HTTP_PROXY"
	if in.Type == "AWS_PROXY" && len(in.RequestParameters) > 0 {
		fail("Integration.RequestParameters", errors.New("mappings on AWS_PROXY do not reach the function's event and are not implemented"))
	} else {
		r.compileRequest(fail)
	}
	if proxy && len(in.RequestTemplates) > 0 {
		fail("Integration.RequestTemplates", fmt.Errorf("has no effect on %s integrations", in.Type))
	}
	if proxy && slices.ContainsFunc(in.Responses, func(ir template.IntegrationResponse) bool { return len(ir.Parameters)+len(ir.Templates) > 0 }) {
		fail("Integration.IntegrationResponses", fmt.Errorf("have no effect on %s integrations", in.Type))
	}
	if in.Type == "HTTP" || in.Type == "HTTP_PROXY" {
		if err := r.checkURI(); err != nil {
			fail("Integration.Uri", err)
		}
	}
	if proxy {
		return errs
	}
	if r.requestTemplates, err = parseTemplates(in.RequestTemplates); err != nil {
		fail("Integration.RequestTemplates", err)
	}
	for _, ir := range in.Responses {
		rule, err := r.responseRule(ir)
		if err != nil {
			fail("Integration.IntegrationResponses", err)
		}
		r.responses = append(r.responses, rule)
	}
	if len(in.Responses) == 0 {
		fail("Integration.IntegrationResponses", fmt.Errorf("a %s integration needs at least one", in.Type))
	}
	return errs
}

func (r *route) compileRequest(fail func(string, error)) {
	for _, target := range slices.Sorted(maps.Keys(r.Integration.RequestParameters)) {
		s, err := parseSource(r.Integration.RequestParameters[target], place{declared: r.RequestParameters})
		if err != nil {
			fail("Integration.RequestParameters["+target+"]", err)
			continue
		}
		rest, ok := strings.CutPrefix(target, "integration.request.")
		kind, name, _ := strings.Cut(rest, ".")
		switch {
		case !ok || name == "":
			fail("Integration.RequestParameters", fmt.Errorf("%q is not a target", target))
		case kind == "header" && (!validName(name) || slices.Contains(illegalMapped, strings.ToLower(name))):
			fail("Integration.RequestParameters", fmt.Errorf("%q: this header cannot be mapped", target))
		case kind == "header":
			r.header = append(r.header, mapping{name, s})
		case kind == "querystring":
			r.query = append(r.query, mapping{name, s})
		case kind == "path":
			r.path = append(r.path, mapping{name, s})
		default:
			fail("Integration.RequestParameters", fmt.Errorf("%q is not a target", target))
		}
	}
}

var uriPlaceholder = regexp.MustCompile(`\$?\{[^}]*\}`)

// checkURI makes sure that every {name} of the endpoint is mapped and stands after the host.
func (r *route) checkURI() error {
	uri := r.Integration.URI
	u, err := url.Parse(uriPlaceholder.ReplaceAllString(uri, "x"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http or https URL", uri)
	}
	authorityEnd := strings.Index(uri, "://") + 3
	if i := strings.IndexAny(uri[authorityEnd:], "/?#"); i >= 0 {
		authorityEnd += i
	} else {
		authorityEnd = len(uri)
	}
	for _, at := range uriPlaceholder.FindAllStringIndex(uri, -1) {
		name := strings.Trim(uri[at[0]:at[1]], "${}")
		if variable, ok := strings.CutPrefix(name, "stageVariables."); ok && variable != "" {
			continue
		}
		if at[0] < authorityEnd {
			return fmt.Errorf("%q: a path parameter in the host is not implemented", uri)
		}
		if !slices.ContainsFunc(r.path, func(m mapping) bool { return m.name == name }) {
			return fmt.Errorf("%q: {%s} has no mapping integration.request.path.%s", uri, name, name)
		}
	}
	return nil
}

func (r *route) responseRule(ir template.IntegrationResponse) (responseRule, error) {
	rule := responseRule{}
	var err error
	if rule.status, err = strconv.Atoi(ir.StatusCode); err != nil || rule.status < 200 || rule.status > 599 {
		return rule, fmt.Errorf("StatusCode %q is not a status", ir.StatusCode)
	}
	declared, ok := r.Responses[ir.StatusCode]
	if !ok { // AWS, when the API is created: "Invalid Response status code specified"
		return rule, fmt.Errorf("StatusCode %s is not declared in the method's MethodResponses", ir.StatusCode)
	}
	if ir.SelectionPattern != "" {
		if rule.pattern, err = regexp.Compile(`^(?:` + ir.SelectionPattern + `)$`); err != nil {
			return rule, fmt.Errorf("SelectionPattern: %w", err)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(ir.Parameters)) {
		name, isHeader := strings.CutPrefix(target, "method.response.header.")
		if !isHeader || !validName(name) {
			return rule, fmt.Errorf("ResponseParameters: %q is not a target", target)
		}
		if _, ok := declared[target]; !ok { // AWS: "Invalid mapping expression parameter specified"
			return rule, fmt.Errorf("ResponseParameters: %q is not declared in the method response %s", target, ir.StatusCode)
		}
		s, err := parseSource(ir.Parameters[target], place{response: true})
		if err != nil {
			return rule, fmt.Errorf("ResponseParameters[%s]: %w", target, err)
		}
		rule.header = append(rule.header, mapping{name, s})
	}
	if rule.templates, err = parseTemplates(ir.Templates); err != nil {
		return rule, fmt.Errorf("ResponseTemplates: %w", err)
	}
	return rule, nil
}

func parseTemplates(sources map[string]string) (map[string]*vtl.Template, error) {
	out := map[string]*vtl.Template{}
	for _, contentType := range slices.Sorted(maps.Keys(sources)) {
		t, err := vtl.Parse(sources[contentType])
		if err != nil {
			return nil, fmt.Errorf("[%s]: %w", contentType, err)
		}
		out[contentType] = t
	}
	return out, nil
}
