package cloudformation

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const parentAssets = `{"files":{
	"h1":{"source":{"path":"Child.nested.template.json"},"destinations":{"current":{"objectKey":"prefix/h1.json"}}},
	"h2":{"source":{"path":"Grandchild.nested.template.json"},"destinations":{"current":{"objectKey":"h2.json"}}}}}`

func nestedURL(key string) string {
	return `{"Fn::Join":["",["https://s3.",{"Ref":"AWS::Region"},".",{"Ref":"AWS::URLSuffix"},"/bucket/` + key + `"]]}`
}

func TestReadWithNestedInlinesNestedStacks(t *testing.T) {
	dir := write(t, map[string]string{
		"P.assets.json": parentAssets,
		"P.template.json": `{"Resources":{
			"Api":{"Type":"Api"},
			"Child":{"Type":"AWS::CloudFormation::Stack","Condition":"Wanted","Properties":{"TemplateURL":` + nestedURL("h1.json") + `,
				"Parameters":{"api":{"Ref":"Api"},"root":{"Fn::GetAtt":["Api","Root"]}}}},
			"Waits":{"Type":"Waits","DependsOn":["Api","Child"]},
			"User":{"Type":"User","Properties":{"Of":{"Fn::GetAtt":["Child","Outputs.arn"]}}}}}`,
		"Child.nested.template.json": `{
			"Parameters":{"api":{"Type":"String"},"root":{"Type":"String"},"size":{"Type":"String","Default":"small"}},
			"Conditions":{"Big":{"Fn::Not":[{"Fn::Equals":[{"Ref":"size"},"small"]}]},"Either":{"Fn::Or":[{"Condition":"Big"},{"Condition":"Big"}]}},
			"Mappings":{"Sizes":{"small":{"n":"1"}}},
			"Resources":{
				"Method":{"Type":"Method","Condition":"Big","Properties":{"RestApiId":{"Ref":"api"},"Parent":{"Ref":"root"},
					"N":{"Fn::FindInMap":["Sizes",{"Ref":"size"},"n"]},"Which":{"Fn::If":["Big",{"Ref":"Other"},{"Ref":"AWS::NoValue"}]},
					"Text":{"Fn::Sub":"${api}/${Other}/${Other.Arn}/${AWS::Region}/${!literal}"}}},
				"Other":{"Type":"Other","DependsOn":"Method","Properties":{"Name":{"Fn::GetAtt":["Deep","Outputs.name"]}}},
				"Deep":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":` + nestedURL("h2.json") + `,"Parameters":{"method":{"Ref":"Method"}}}}},
			"Outputs":{"arn":{"Value":{"Fn::GetAtt":["Other","Arn"]}}}}`,
		"Grandchild.nested.template.json": `{"Parameters":{"method":{"Type":"String"}},
			"Resources":{"Leaf":{"Type":"Leaf","Properties":{"Of":{"Ref":"method"}}}},
			"Outputs":{"name":{"Value":{"Ref":"Leaf"}}}}`,
	})
	got, err := ReadWithNested(filepath.Join(dir, "P.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	child, leaf := filepath.Join(dir, "Child.nested.template.json"), filepath.Join(dir, "Grandchild.nested.template.json")
	ref := func(id string) any { return map[string]any{"Ref": id} }
	att := func(id, name string) any { return map[string]any{"Fn::GetAtt": []any{id, name}} }
	want := map[string]*Resource{
		"Api": {ID: "Api", Type: "Api"},
		// Waits for the resources of the stack, those nested in it among them.
		"Waits": {ID: "Waits", Type: "Waits", DependsOn: []any{"Api", "Child", "ChildDeepLeaf", "ChildMethod", "ChildOther"}},
		"User":  {ID: "User", Type: "User", Properties: map[string]any{"Of": att("ChildOther", "Arn")}},
		"ChildMethod": {ID: "ChildMethod", Type: "Method", Condition: "ChildBig", Origin: Origin{child, "Method"}, Properties: map[string]any{
			"RestApiId": ref("Api"), "Parent": att("Api", "Root"),
			"N":     map[string]any{"Fn::FindInMap": []any{"ChildSizes", "small", "n"}},
			"Which": map[string]any{"Fn::If": []any{"ChildBig", ref("ChildOther"), ref("AWS::NoValue")}},
			"Text": map[string]any{"Fn::Sub": []any{"${api}/${Other}/${ChildOther.Arn}/${AWS::Region}/${!literal}",
				map[string]any{"api": ref("Api"), "Other": ref("ChildOther")}}},
		}},
		"ChildOther":    {ID: "ChildOther", Type: "Other", Condition: "Wanted", Origin: Origin{child, "Other"}, DependsOn: []any{"ChildMethod"}, Properties: map[string]any{"Name": ref("ChildDeepLeaf")}},
		"ChildDeepLeaf": {ID: "ChildDeepLeaf", Type: "Leaf", Condition: "Wanted", Origin: Origin{leaf, "Leaf"}, Properties: map[string]any{"Of": ref("ChildMethod")}},
	}
	if diff := cmp.Diff(want, got.Resources); diff != "" {
		t.Error(diff)
	}
	if len(got.Files) != 3 || got.Files[0].Resources != 4 || got.Files[0].Bytes == 0 {
		t.Errorf("got files %+v, want those of three templates", got.Files)
	}
	wantConditions := map[string]any{
		"ChildBig":    map[string]any{"Fn::Not": []any{map[string]any{"Fn::Equals": []any{"small", "small"}}}},
		"ChildEither": map[string]any{"Fn::Or": []any{map[string]any{"Condition": "ChildBig"}, map[string]any{"Condition": "ChildBig"}}},
	}
	if diff := cmp.Diff(wantConditions, got.Conditions); diff != "" {
		t.Error(diff)
	}
	if got.Mappings["ChildSizes"] == nil {
		t.Errorf("got mappings %v, want ChildSizes among them", got.Mappings)
	}
}

func TestReadWithNestedLeavesStacksWithTemplatesElsewhere(t *testing.T) {
	dir := write(t, map[string]string{
		"P.template.json": `{"Resources":{"Child":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"https://s3.example/other.json"}}}}`,
	})
	got, err := ReadWithNested(filepath.Join(dir, "P.template.json"))
	if err != nil || got.Resources["Child"] == nil {
		t.Errorf("got %v, %v, want the resource of the nested stack", got, err)
	}
}

func TestReadWithNestedRefuses(t *testing.T) {
	stack := func(url string) string {
		return `{"Resources":{"Child":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":` + url + `}},"ChildX":{"Type":"X"}}}`
	}
	for _, tt := range []struct {
		name, want string
		files      map[string]string
	}{
		{"a file outside of the assembly", "not a path within", map[string]string{"P.template.json": stack(nestedURL("h1.json")),
			"P.assets.json": strings.Replace(parentAssets, "Child.nested", "../Child.nested", 1)}},
		{"a missing file", "no such file", map[string]string{"P.template.json": stack(nestedURL("h1.json")), "P.assets.json": parentAssets}},
		{"a transform", "transform", map[string]string{"P.template.json": stack(nestedURL("h1.json")), "P.assets.json": parentAssets,
			"Child.nested.template.json": `{"Transform":"T","Resources":{}}`}},
		{"two resources of one name", "already", map[string]string{"P.template.json": stack(nestedURL("h1.json")), "P.assets.json": parentAssets,
			"Child.nested.template.json": `{"Resources":{"X":{"Type":"X"}}}`}},
		{"a stack within itself", "too deeply", map[string]string{"P.template.json": stack(nestedURL("h1.json")), "P.assets.json": parentAssets,
			"Child.nested.template.json": `{"Resources":{"Child":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":` + nestedURL("h1.json") + `}}}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadWithNested(filepath.Join(write(t, tt.files), "P.template.json"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestReadAllReadsNestedStacksOnce(t *testing.T) {
	dir := write(t, map[string]string{
		"P.assets.json":              parentAssets,
		"P.template.json":            `{"Resources":{"Child":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":` + nestedURL("h1.json") + `}}}}`,
		"Child.nested.template.json": `{"Resources":{"X":{"Type":"X"}}}`,
		"Q.template.json":            `{"Resources":{"Y":{"Type":"Y"}}}`,
	})
	all, _, err := ReadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range all {
		for id := range f.Resources {
			got[filepath.Base(f.Name)+" "+id] = true
		}
	}
	want := map[string]bool{"P.template.json ChildX": true, "Q.template.json Y": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
