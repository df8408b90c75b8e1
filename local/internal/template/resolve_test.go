package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

func TestResolve(t *testing.T) {
	l := &loader{stack: "S", Template: &cloudformation.Template{}, opts: Options{Region: "eu-west-1", AccountID: "123456789012", Partition: "aws", Parameters: map[string]string{"Given": "g"}}}
	doc := `{
	  "Parameters": {"Given": {"Type": "String"}, "Default": {"Type": "String", "Default": "d"}, "None": {"Type": "String"}},
	  "Resources": {
	    "Fn": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": {"Fn::Join": ["-", ["my", "fn"]]}}},
	    "Self": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": {"Ref": "Self"}}},
	    "Key": {"Type": "AWS::KMS::Key"}, "Role": {"Type": "AWS::IAM::Role"}, "Table": {"Type": "AWS::DynamoDB::Table"}}}`
	if err := json.Unmarshal([]byte(doc), l.Template); err != nil {
		t.Fatal(err)
	}
	for id, r := range l.Resources {
		r.ID = id
	}
	tests := []struct{ in, want, wantErr string }{
		{`"plain"`, `"plain"`, ""},
		{`{"Ref":"AWS::StackName"}`, `"S"`, ""},
		{`{"Fn::Join":["",["https://s3.",{"Ref":"AWS::Region"},".",{"Ref":"AWS::URLSuffix"},"/",1]]}`, `"https://s3.eu-west-1.amazonaws.com/1"`, ""},
		{`{"Fn::Sub":"arn:${AWS::Partition}:x:${AWS::Region}:${!Literal}:${Fn.Arn}"}`,
			`"arn:aws:x:eu-west-1:${Literal}:arn:aws:lambda:eu-west-1:123456789012:function:my-fn"`, ""},
		{`{"Fn::Select":["1",{"Fn::Split":[":",{"Fn::GetAtt":["Fn","Arn"]}]}]}`, `"aws"`, ""},
		{`{"Fn::GetAtt":"Role.Arn"}`, `"arn:aws:iam::123456789012:role/Role"`, ""},
		{`{"Ref":"None"}`, "", "parameter None has no default"},
		{`{"Ref":"Self"}`, "", "a reference to itself"},
		{`{"Fn::GetAtt":["Table","StreamLabel"]}`, "", "no local value"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			var in any
			if err := json.Unmarshal([]byte(tt.in), &in); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tt.in, `,1]]`) { // numbers arrive as json.Number from Load
				dec := json.NewDecoder(strings.NewReader(tt.in))
				dec.UseNumber()
				if err := dec.Decode(&in); err != nil {
					t.Fatal(err)
				}
			}
			got, err := l.resolve(in, 0)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("got error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b, _ := json.Marshal(got)
			if d := cmp.Diff(tt.want, string(b)); d != "" {
				t.Error(d)
			}
		})
	}
}

// AWS::SecretsManager::Secret GenerateSecretString, property by property.
func TestGenerate(t *testing.T) {
	tests := []struct {
		name, spec, wantErr string
		check               func(string) bool
	}{
		{"defaults", `{}`, "", func(s string) bool {
			return len(s) == 32 && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") && strings.ContainsAny(s, "0123456789") &&
				strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && strings.ContainsAny(s, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") && !strings.Contains(s, " ")
		}},
		{"each type in the shortest password", `{"PasswordLength":5,"IncludeSpace":true}`, "", func(s string) bool { return len(s) == 5 && strings.Contains(s, " ") }},
		{"hex", `{"PasswordLength":64,"ExcludeUppercase":true,"ExcludePunctuation":true,"ExcludeCharacters":"ghijklmnopqrstuvwxyz"}`, "",
			func(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }},
		{"digits", `{"ExcludeLowercase":true,"ExcludeUppercase":true,"ExcludePunctuation":true}`, "", func(s string) bool { return strings.Trim(s, "0123456789") == "" }},
		{"template", `{"SecretStringTemplate":"{\"user\":\"u\"}","GenerateStringKey":"pass","ExcludePunctuation":true}`, "", func(s string) bool {
			var m map[string]string
			return json.Unmarshal([]byte(s), &m) == nil && m["user"] == "u" && len(m["pass"]) == 32
		}},
		{"template without key", `{"SecretStringTemplate":"{}"}`, "go together", nil},
		{"nothing left", `{"ExcludeLowercase":true,"ExcludeUppercase":true,"ExcludePunctuation":true,"ExcludeNumbers":true}`, "no password", nil},
		{"included type fully excluded", `{"ExcludeCharacters":"0123456789"}`, "RequireEachIncludedType", nil},
		{"length", `{"PasswordLength":4097}`, "1 to 4096", nil},
		{"unknown", `{"Fancy":true}`, "property Fancy", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 {
				var spec map[string]any
				dec := json.NewDecoder(strings.NewReader(tt.spec))
				dec.UseNumber()
				if err := dec.Decode(&spec); err != nil {
					t.Fatal(err)
				}
				got, err := generate(spec)
				if tt.wantErr != "" {
					if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
						t.Fatalf("got error %v, want %q", err, tt.wantErr)
					}
					continue
				}
				if err != nil || !tt.check(got) {
					t.Fatalf("got %q, %v", got, err)
				}
			}
		})
	}
}

// No value that contains a secret prints it, in any verb and at any depth.
func TestSecretsDoNotPrint(t *testing.T) {
	tmpl := load(t, nil, Options{})
	secret, _ := tmpl.Secret("CookieKey2B1B4FB9")
	value := secret.Reveal()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, v := range []any{secret, &secret, tmpl, tmpl.Functions(), tmpl.Functions()[0], tmpl.Functions()[0].Environment,
		struct{ s Secret }{secret}, map[string]any{"k": secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, value) || strings.Contains(out, fmt.Sprintf("%x", value)) {
				t.Errorf("%s of %T prints the secret", verb, v)
			}
		}
		logger.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil && bytes.Contains(b, []byte(value)) {
			t.Errorf("JSON of %T holds the secret", v)
		}
	}
	if strings.Contains(log.String(), value) {
		t.Error("slog prints the secret")
	}
}

func TestMatchARN(t *testing.T) {
	tests := []struct {
		pattern, arn string
		want         bool
	}{
		{"*", "anything/at:all", true},
		{"arn:aws:execute-api:*:*:abc/api/GET/*", "arn:aws:execute-api:eu:1:abc/api/GET/a/b", true},
		{"abc/api/GET/*", "abc/api/POST/a", false},
		{"abc/api/*/orders", "abc/api/GET/orders", true},
		{"abc/api/*/orders", "abc/api/GET/x/orders", true}, // * crosses slashes
		{"abc/api/GE?/a", "abc/api/GET/a", true},
		{"abc/api/GE?/a", "abc/api/GE/a", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-d", false},
		{"", "", true},
		{"abc", "abcd", false},
	}
	for _, tt := range tests {
		if got := MatchARN(tt.pattern, tt.arn); got != tt.want {
			t.Errorf("MatchARN(%q, %q) = %v", tt.pattern, tt.arn, got)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"Fn::Join":["",["{{resolve:secretsmanager:",{"Ref":"S"},":SecretString:k::}}"]]}`)
	f.Add(`{"Fn::If":["C",{"Fn::Sub":"${A}${!B}"},{"Fn::Select":["0",{"Fn::Split":[",","a,b"]}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		l := &loader{stack: "S", Template: &cloudformation.Template{Conditions: map[string]any{"C": v}, Resources: map[string]*resource{
			"S": {ID: "S", Type: "AWS::SecretsManager::Secret", Properties: map[string]any{"Name": v}}}}}
		if got, err := l.resolve(v, 0); err == nil {
			if s, err := cloudformation.Text(got); err == nil {
				_, _ = l.dynamic(s)
			}
		}
	})
}
