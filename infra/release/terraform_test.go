package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The example for Terraform in docs/without-go.md is HCL whose references lead
// to its own blocks, and it gives the template the parameters that it has. The
// test does not know the schema of the provider.
func TestTerraformExample(t *testing.T) {
	document, err := os.ReadFile("../../docs/without-go.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(document), "```hcl\n")
	example, _, _ = strings.Cut(example, "```\n")
	file, diagnostics := hclsyntax.ParseConfig([]byte(example), "without-go.md", hcl.InitialPos)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	declared := map[string]*hclsyntax.Block{} // "type.name"
	locals := map[string]bool{}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type == "locals" {
			for name := range block.Body.Attributes {
				locals[name] = true
			}
			continue
		}
		declared[strings.Join(block.Labels, ".")] = block
	}
	used := map[string]bool{}
	diagnostics = hclsyntax.VisitAll(file.Body.(*hclsyntax.Body), func(node hclsyntax.Node) hcl.Diagnostics {
		attribute, ok := node.(*hclsyntax.Attribute)
		if !ok {
			return nil
		}
		for _, reference := range hclsyntax.Variables(attribute.Expr) {
			name := reference[1].(hcl.TraverseAttr).Name
			if root := reference.RootName(); root != "local" && declared[root+"."+name] == nil || root == "local" && !locals[name] {
				t.Errorf("line %d: %s.%s is not declared", attribute.Range().Start.Line, root, name)
			} else {
				used[root+"."+name] = true
			}
		}
		return nil
	})
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	// The deployment waits for the token handler and for every method.
	for _, name := range []string{"aws_cloudformation_stack.token_handler", "aws_api_gateway_integration_response.orders", "aws_api_gateway_integration_response.preflight"} {
		if !used[name] {
			t.Errorf("%s is not used", name)
		}
	}

	given := map[string]bool{}
	parameters := declared["aws_cloudformation_stack.token_handler"].Body.Attributes["parameters"].Expr.(*hclsyntax.ObjectConsExpr)
	for _, item := range parameters.Items {
		given[hcl.ExprAsKeyword(item.KeyExpr)] = true
	}
	known := readTemplate(t).Parameters
	for name := range given {
		if known[name] == nil {
			t.Errorf("the template has no parameter %q", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name]["Default"] == nil && !given[name] {
			t.Errorf("the required parameter %s is missing", name)
		}
	}
}
