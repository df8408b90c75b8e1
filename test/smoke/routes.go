package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type route struct{ method, path string }

func (r route) String() string { return r.method + " " + r.path }

// example is a path that the route serves.
func (r route) example() string {
	return parameterRE.ReplaceAllString(r.path, "smoke-test")
}

var parameterRE = regexp.MustCompile(`\{[^}]*\}`)

// resource is what is read of a CloudFormation resource.
type resource struct {
	Type       string
	Metadata   map[string]any
	Properties struct {
		HTTPMethod        string `json:"HttpMethod"`
		AuthorizationType string
		ResourceID        any `json:"ResourceId"`
		ParentID          any `json:"ParentId"`
		PathPart          string
		Environment       struct{ Variables map[string]any }
	}
}

// readTemplates fills in what the synthesized templates tell; flags win.
func (o *options) readTemplates(path string) error {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.template.json")); err != nil {
			return err
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var template struct{ Resources map[string]resource }
		if err := json.Unmarshal(content, &template); err != nil {
			return fmt.Errorf("-template: %s: %w", file, err)
		}
		o.readTemplate(template.Resources)
	}
	return nil
}

func (o *options) readTemplate(resources map[string]resource) {
	given := len(o.routes) > 0
	for _, r := range resources {
		variables := r.Properties.Environment.Variables
		text := func(name string) string { s, _ := variables[name].(string); return s }
		if origins := text("TRUSTED_WEB_ORIGINS"); origins != "" {
			first, _, _ := strings.Cut(origins, ",")
			o.origin = cmp.Or(o.origin, strings.TrimSpace(first))
		}
		o.prefix = cmp.Or(o.prefix, text("COOKIE_NAME_PREFIX"))
		o.csrf = cmp.Or(o.csrf, text("CSRF_HEADER"))
		o.agent = cmp.Or(o.agent, text("AGENT_BASE_PATH"))
		o.bearer = o.bearer || text("ALLOW_TOKEN") == "true"

		if r.Type != "AWS::ApiGateway::Method" || given {
			continue
		}
		found := route{r.Properties.HTTPMethod, pathOf(resources, r.Properties.ResourceID)}
		switch reason, _ := r.Metadata["tokenhandler:public"].(string); {
		case reason != "":
			o.public = append(o.public, found)
		case r.Properties.AuthorizationType == "CUSTOM":
			o.routes = append(o.routes, found)
		}
	}
	for _, list := range [][]route{o.routes, o.public} {
		slices.SortFunc(list, func(a, b route) int {
			return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.method, b.method))
		})
	}
}

// pathOf follows the parents of a resource up to the root of the API.
func pathOf(resources map[string]resource, id any) string {
	reference, _ := id.(map[string]any)
	name, _ := reference["Ref"].(string)
	r, known := resources[name]
	if !known || r.Type != "AWS::ApiGateway::Resource" {
		return "/"
	}
	return strings.TrimSuffix(pathOf(resources, r.Properties.ParentID), "/") + "/" + r.Properties.PathPart
}

// sendable are the methods to try a route with.
func (r route) sendable() []string {
	if r.method == "ANY" {
		return []string{"GET", "POST"}
	}
	return []string{r.method}
}
