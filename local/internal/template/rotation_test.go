package template

import (
	"strings"
	"testing"
)

// withRotation adds the rotation of the first secret by the first function, as
// the construct writes it.
func withRotation(resources map[string]any) (secret, function string, schedule, permission map[string]any) {
	for id, r := range resources {
		switch r.(map[string]any)["Type"] {
		case "AWS::SecretsManager::Secret":
			if secret == "" || id < secret {
				secret = id
			}
		case "AWS::Lambda::Function":
			if runtime := r.(map[string]any)["Properties"].(map[string]any)["Runtime"]; runtime == "provided.al2023" && (function == "" || id < function) {
				function = id
			}
		}
	}
	arn := map[string]any{"Fn::GetAtt": []any{function, "Arn"}}
	schedule = map[string]any{"SecretId": map[string]any{"Ref": secret}, "RotationLambdaARN": arn,
		"RotationRules": map[string]any{"AutomaticallyAfterDays": 30}, "RotateImmediatelyOnUpdate": false}
	permission = map[string]any{"Action": "lambda:InvokeFunction", "FunctionName": arn, "Principal": "secretsmanager.amazonaws.com",
		"SourceAccount": map[string]any{"Ref": "AWS::AccountId"}, "SourceArn": map[string]any{"Ref": secret}}
	resources["Schedule"] = map[string]any{"Type": "AWS::SecretsManager::RotationSchedule", "Properties": schedule}
	resources["MayRotate"] = map[string]any{"Type": "AWS::Lambda::Permission", "Properties": permission}
	return secret, function, schedule, permission
}

func TestRotations(t *testing.T) {
	var secret, function string
	got, err := Load(assembly(t, func(r map[string]any) { secret, function, _, _ = withRotation(r) }), "Fixture", Options{})
	if err != nil {
		t.Fatal(err)
	}
	value, _ := got.Secret(secret)
	if r := got.Rotations(); len(r) != 1 || r[0].FunctionID != function || !strings.HasPrefix(r[0].SecretARN, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:") ||
		r[0].Value.Reveal() != value.Reveal() || value.Reveal() == "" {
		t.Errorf("got %v of %s, want that of %s by %s", r, secret, secret, function)
	}
}

func TestRotationsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(resources, schedule, permission map[string]any)
		want   string
	}{
		{"no permission", func(r, _, _ map[string]any) { delete(r, "MayRotate") }, "no AWS::Lambda::Permission lets Secrets Manager invoke"},
		{"for another secret", func(_, _, p map[string]any) {
			p["SourceArn"] = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x"
		}, "no AWS::Lambda::Permission"},
		{"of another account", func(_, _, p map[string]any) { p["SourceAccount"] = "999999999999" }, "no AWS::Lambda::Permission"},
		{"for another service", func(_, _, p map[string]any) { p["Principal"] = "events.amazonaws.com" }, "no AWS::Lambda::Permission"},
		{"another secret", func(_, s, _ map[string]any) { s["SecretId"] = "prod/other" }, `"prod/other" is no secret of the template`},
		{"another function", func(_, s, _ map[string]any) {
			s["RotationLambdaARN"] = "arn:aws:lambda:eu-west-1:123456789012:function:x"
		}, "is no function of the template"},
		{"hosted rotation", func(_, s, _ map[string]any) {
			s["HostedRotationLambda"] = map[string]any{"RotationType": "x"}
		}, "property HostedRotationLambda is not implemented"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(assembly(t, func(r map[string]any) {
				_, _, schedule, permission := withRotation(r)
				tt.change(r, schedule, permission)
			}), "Fixture", Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
