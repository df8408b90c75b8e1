package tokenhandler

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/infra/internal/rules"
	"github.com/tokenhandler/aws/internal/cloudformation"
)

// large synthesizes an API with routes of three mapped methods each, and returns
// its template with those of its nested stacks in it, and the files.
func large(t *testing.T, routes int, change func(i int, r *Route)) (*cloudformation.Template, []string) {
	t.Helper()
	stack := newStack(t)
	h := New(stack, "TokenHandler", severalOrigins())
	for i := range routes {
		r := Route{
			Path: fmt.Sprintf("/things%d/{id}", i), Methods: []string{"GET", "PUT", "DELETE"},
			Upstream: fmt.Sprintf("https://things.internal.example/v1/things%d/{id}", i), QueryParameters: []string{"expand"},
		}
		if change != nil {
			change(i, &r)
		}
		h.Protect(r)
	}
	assertions.Template_FromStack(stack, nil)
	folder := *awscdk.Stage_Of(stack).Outdir()
	all, err := cloudformation.ReadWithNested(filepath.Join(folder, *stack.TemplateFile()))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	return all, files
}

// AWS, "AWS CloudFormation quotas": 1 MB, in its errors "1000000 bytes", and 500
// resources for a template.
func TestHundredRoutesFitIntoTemplates(t *testing.T) {
	if testing.Short() {
		t.Skip("synthesizes 300 methods")
	}
	all, files := large(t, 100, nil)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		one, err := cloudformation.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 1_000_000 || len(one.Resources) > 500 {
			t.Errorf("%s has %d bytes and %d resources", filepath.Base(file), len(text), len(one.Resources))
		}
	}
	report := rules.Check(all, rules.Options{Functions: rules.Functions(all)})
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if got := report.Methods[rules.Protected]; got != 300 {
		t.Errorf("got %d protected methods, want 300", got)
	}
}

// The deployment waits for all methods, and there is a new one after any change.
func TestSpreadMethodsAreDeployed(t *testing.T) {
	all, files := large(t, 11, nil)
	if len(files) < 5 {
		t.Fatalf("got templates %v, want nested stacks", files)
	}
	parent, err := cloudformation.Read(parentOf(t, files))
	if err != nil {
		t.Fatal(err)
	}
	before, waits := deploymentOf(t, parentOf(t, files))
	for id, r := range parent.Resources {
		if r.Type == "AWS::CloudFormation::Stack" && !slices.Contains(waits, id) {
			t.Errorf("the deployment does not wait for %s", id)
		}
	}
	for name, change := range map[string]func(int, *Route){
		"query parameter": func(i int, r *Route) { r.QueryParameters = append(r.QueryParameters, fmt.Sprint("x", i/10)) },
		"upstream":        func(i int, r *Route) { r.Upstream = strings.Replace(r.Upstream, "things10", "others", 1) },
	} {
		_, files := large(t, 11, func(i int, r *Route) {
			if i == 10 {
				change(i, r)
			}
		})
		if after, _ := deploymentOf(t, parentOf(t, files)); after == before {
			t.Errorf("%s: the deployment is the same after a change", name)
		}
	}

	// A new route moves no method, and the API stays.
	more, _ := large(t, 12, nil)
	moved := places(all)
	now := places(more)
	for method := range moved {
		if moved[method] != now[method] {
			t.Errorf("%s moved from %s to %s", method, moved[method], now[method])
		}
	}
	if diff := cmp.Diff(apis(all), apis(more)); diff != "" {
		t.Error(diff)
	}

	// Fewer routes fit into one template. CloudFormation must replace the API: it
	// would create methods that exist.
	few, files := large(t, 2, nil)
	if len(files) != 1 {
		t.Errorf("got templates %v, want one", files)
	}
	if slices.Equal(apis(all), apis(few)) {
		t.Errorf("the API has the logical id %v with and without nested stacks", apis(all))
	}
}

func parentOf(t *testing.T, files []string) string {
	t.Helper()
	for _, file := range files {
		if !strings.HasSuffix(file, ".nested.template.json") {
			return file
		}
	}
	t.Fatalf("no parent in %v", files)
	return ""
}

// deploymentOf returns the logical id of the deployment and its dependencies.
func deploymentOf(t *testing.T, file string) (id string, waits []string) {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Type      string
			DependsOn any
		}
	}
	if err := cloudformation.ReadJSON(file, &template); err != nil {
		t.Fatal(err)
	}
	for name, r := range template.Resources {
		if r.Type == "AWS::ApiGateway::Deployment" {
			for _, w := range cloudformation.List(r.DependsOn) {
				waits = append(waits, cloudformation.String(w))
			}
			return name, waits
		}
	}
	t.Fatal("no deployment")
	return "", nil
}

// places maps methods of routes to the template and logical id that they have.
func places(all *cloudformation.Template) map[string]string {
	found := map[string]string{}
	for _, r := range all.Resources {
		uri := cloudformation.String(cloudformation.Object(r.Properties["Integration"])["Uri"])
		if r.Type == "AWS::ApiGateway::Method" && strings.Contains(uri, "things") {
			found[fmt.Sprint(r.Properties["HttpMethod"], " ", uri)] = filepath.Base(r.Origin.File) + " " + r.Origin.ID
		}
	}
	return found
}

func apis(all *cloudformation.Template) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(all.Resources)) {
		if all.Resources[id].Type == "AWS::ApiGateway::RestApi" {
			ids = append(ids, id)
		}
	}
	return ids
}
