package rules

import (
	"strings"
	"testing"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

func TestTemplateSize(t *testing.T) {
	api := map[string]*cloudformation.Resource{"Api": {ID: "Api", Type: "AWS::ApiGateway::RestApi"}}
	for _, tt := range []struct {
		name string
		file cloudformation.TemplateFile
		want string
	}{
		{"at the limits", cloudformation.TemplateFile{Name: "a", Bytes: 1_000_000, Resources: 500}, ""},
		{"bytes", cloudformation.TemplateFile{Name: "nested", Bytes: 1_000_001, Resources: 1}, "is in nested with 1000001 bytes, and CloudFormation takes 1000000: list the Statuses"},
		{"resources", cloudformation.TemplateFile{Name: "nested", Bytes: 1, Resources: 501}, "is in nested with 501 resources, and CloudFormation takes 500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report := Check(&cloudformation.Template{Resources: api, Files: []cloudformation.TemplateFile{{Name: "parent"}, tt.file}}, Options{})
			var got []string
			for _, f := range report.Findings {
				if f.Rule == templateSize.Name {
					got = append(got, f.Fault)
				}
			}
			if text := strings.Join(got, "\n"); (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}
