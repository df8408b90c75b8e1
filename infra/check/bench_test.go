package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// large writes a template of about 1 MB, CloudFormation's limit, with copies of
// a route's resource, method and preflight.
func large(t testing.TB) (file string, methods int) {
	t.Helper()
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	resources := template["Resources"].(map[string]any)
	var route []string
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if strings.Contains(id, "ApiordersidGET") || strings.Contains(id, "ApiordersidOPTIONS") {
			route = append(route, id)
		}
	}
	api := ""
	for id, r := range resources {
		if r.(map[string]any)["Type"] == "AWS::ApiGateway::RestApi" {
			api = id
		}
	}
	for size, n := len(raw), 0; size < 1_000_000; n++ {
		resource := fmt.Sprintf("Copy%d", n)
		added := map[string]any{resource: map[string]any{"Type": "AWS::ApiGateway::Resource", "Properties": map[string]any{
			"RestApiId": map[string]any{"Ref": api}, "PathPart": strings.ToLower(resource), "ParentId": map[string]any{"Fn::GetAtt": []any{api, "RootResourceId"}}}}}
		for _, id := range route {
			method, _ := json.Marshal(resources[id])
			var copied map[string]any
			if err := json.Unmarshal(method, &copied); err != nil {
				t.Fatal(err)
			}
			copied["Properties"].(map[string]any)["ResourceId"] = map[string]any{"Ref": resource}
			added[id+resource] = copied
			methods++
		}
		more, _ := json.Marshal(added)
		size += len(more)
		maps.Copy(resources, added)
		for _, r := range resources {
			if r := r.(map[string]any); r["Type"] == "AWS::ApiGateway::Deployment" {
				for id := range added {
					r["DependsOn"] = append(r["DependsOn"].([]any), id)
				}
			}
		}
	}
	raw, err = json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "Large.template.json")
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return file, methods
}

// A template just below CloudFormation's limit is read whole and has no finding.
func TestLargeTemplate(t *testing.T) {
	file, methods := large(t)
	var out strings.Builder
	want := fmt.Sprintf(" %d methods: ", methods+16)
	if status := run([]string{file}, &out, &out); status != 0 || !strings.Contains(out.String(), want) {
		t.Errorf("got status %d and %q, want %q", status, out.String(), want)
	}
}

// BenchmarkCheck prints how long the check of a 1 MB template takes:
//
//	go test ./infra/check -bench . -run '^$'
func BenchmarkCheck(b *testing.B) {
	file, methods := large(b)
	for b.Loop() {
		if status := run([]string{file}, io.Discard, os.Stderr); status != 0 {
			b.Fatal("the check fails")
		}
	}
	b.ReportMetric(float64(methods), "methods")
}
