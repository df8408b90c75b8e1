package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

type resource struct {
	Type       string
	Properties map[string]any
}

type cfn struct{ Resources map[string]resource }

// only are the resources of a type, by logical id.
func (c cfn) only(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for id, r := range c.Resources {
		if r.Type == kind {
			found[id] = r.Properties
		}
	}
	return found
}

// one is the only resource of a type.
func (c cfn) one(t *testing.T, kind string) map[string]any {
	t.Helper()
	found := c.only(kind)
	if len(found) != 1 {
		t.Fatalf("got %d resources of type %s, want 1", len(found), kind)
	}
	for _, properties := range found {
		return properties
	}
	return nil
}

func readTemplate(t *testing.T, outdir, stack string, change ...string) cfn {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(outdir, stack+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var template cfn
	if err := json.Unmarshal([]byte(strings.NewReplacer(change...).Replace(string(raw))), &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// outputOf is a reference to an output of another stack.
func outputOf(t *testing.T, value any) (stack, region string) {
	t.Helper()
	reference, _ := value.(map[string]any)
	function, _ := reference["Fn::GetStackOutput"].(map[string]any)
	stack, _ = function["StackName"].(string)
	region, _ = function["Region"].(string)
	return stack, region
}

const (
	north, west         = "TokenHandler-multi-region-eu-north-1", "TokenHandler-multi-region-eu-west-1"
	northKeys, westKeys = "TokenHandler-multi-region-SessionKey-eu-north-1", "TokenHandler-multi-region-SessionKey-eu-west-1"
)

// One stage, two regions, one session: one key by one name, encrypted by a
// multi-Region key and its replica, records under one name, and two token
// handlers that differ only in their region.
func TestRegions(t *testing.T) {
	outdir := everyStage(t)
	primary := readTemplate(t, outdir, northKeys).one(t, "AWS::KMS::Key")
	replica := readTemplate(t, outdir, westKeys).one(t, "AWS::KMS::ReplicaKey")
	if primary["MultiRegion"] != true || primary["EnableKeyRotation"] != true {
		t.Errorf("the key is %v", primary)
	}
	if stack, region := outputOf(t, replica["PrimaryKeyArn"]); stack != northKeys || region != "eu-north-1" {
		t.Errorf("the replica is of %v", replica["PrimaryKeyArn"])
	}
	policy, _ := json.Marshal(primary["KeyPolicy"])
	// CDK writes the suffix of the aws partition into the primary key's policy.
	want := strings.ReplaceAll(string(policy), `"secretsmanager.eu-north-1.amazonaws.com"`,
		`{"Fn::Join":["",["secretsmanager.eu-west-1.",{"Ref":"AWS::URLSuffix"}]]}`)
	if got, _ := json.Marshal(replica["KeyPolicy"]); string(got) != want {
		t.Errorf("the replica's policy is not the key's:\n%s", cmp.Diff(want, string(got)))
	}

	first, second := readTemplate(t, outdir, north), readTemplate(t, outdir, west)
	secret := first.one(t, "AWS::SecretsManager::Secret")
	copies, _ := secret["ReplicaRegions"].([]any)
	if secret["Name"] != "multi-region/session-key" || len(copies) != 1 {
		t.Fatalf("the secret is %v", secret)
	}
	if stack, _ := outputOf(t, secret["KmsKeyId"]); stack != northKeys {
		t.Errorf("the secret is encrypted with %v", secret["KmsKeyId"])
	}
	copied := copies[0].(map[string]any)
	if stack, region := outputOf(t, copied["KmsKeyId"]); copied["Region"] != "eu-west-1" || stack != westKeys || region != "eu-west-1" {
		t.Errorf("the copy is %v", copied)
	}
	if made := second.only("AWS::SecretsManager::Secret"); len(made) > 0 {
		t.Errorf("the second region makes secrets of its own: %v", made)
	}

	for region, template := range map[string]cfn{"eu-north-1": first, "eu-west-1": second} {
		record := template.one(t, "AWS::Route53::RecordSet")
		if record["Name"] != "api.example.com." || record["Region"] != region || record["SetIdentifier"] != region {
			t.Errorf("the record of %s is %v", region, record)
		}
	}
	compareRegions(t, outdir)
	checkOrder(t, outdir, northKeys, westKeys, north, west)
}

// compareRegions compares everything in the two regions' stacks, with the
// region's name replaced and the session key named as the other region does.
func compareRegions(t *testing.T, outdir string) {
	t.Helper()
	const reference = "multi-region/session-key"
	first := readTemplate(t, outdir, north, "eu-north-1", "REGION")
	second := readTemplate(t, outdir, west, "eu-west-1", "REGION")
	var secret string
	for id := range first.only("AWS::SecretsManager::Secret") {
		secret = id
	}
	delete(first.Resources, secret)

	deployment := regexp.MustCompile(`(TokenHandlerApiDeployment[0-9A-F]{8})[0-9a-f]{32}`)
	normal := func(c cfn) map[string]any {
		// CDK puts the stack's name into some ids, and into the authorizer's name.
		for _, kind := range []string{"AWS::Lambda::Permission", "AWS::ApiGateway::BasePathMapping"} {
			for id, properties := range c.only(kind) {
				raw, err := json.Marshal(properties)
				if err != nil {
					t.Fatal(err)
				}
				c.Resources[string(raw)] = c.Resources[id]
				delete(c.Resources, id)
			}
		}
		delete(c.one(t, "AWS::ApiGateway::Authorizer"), "Name")
		raw, err := json.Marshal(c.Resources)
		if err != nil {
			t.Fatal(err)
		}
		raw = deployment.ReplaceAll(raw, []byte("$1")) // a hash of the deployed methods, including the session key's reference
		text := strings.ReplaceAll(string(raw), `{"Fn::Join":["",["{{resolve:secretsmanager:",{"Ref":"`+secret+`"},":SecretString:::}}"]]}`,
			`"{{resolve:secretsmanager:`+reference+`:SecretString:::}}"`)
		var resources map[string]any
		if err := json.Unmarshal([]byte(text), &resources); err != nil {
			t.Fatal(err)
		}
		return resources
	}
	one, other := normal(first), normal(second)
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the regions differ:\n%s", diff)
	}

	// The settings that a session depends on are among them.
	var seen []string
	for _, r := range one {
		r := r.(map[string]any)
		if r["Type"] != "AWS::Lambda::Function" {
			continue
		}
		environment, _ := r["Properties"].(map[string]any)["Environment"].(map[string]any)
		variables := environment["Variables"].(map[string]any)
		if key := variables["ENCRYPTION_KEY"]; key != "{{resolve:secretsmanager:"+reference+":SecretString:::}}" {
			t.Errorf("a Lambda's key is %v", key)
		}
		seen = append(seen, sortedKeys(variables)...)
	}
	for _, name := range []string{"TRUSTED_WEB_ORIGINS", "COOKIE_NAME_PREFIX", "ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI"} {
		if !slices.Contains(seen, name) {
			t.Errorf("no Lambda has %s: the test compared no Lambda", name)
		}
	}
}

// checkOrder reads the order of deployment from the assembly: every stack
// depends on the previous one, directly or not.
func checkOrder(t *testing.T, outdir string, stacks ...string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(outdir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Artifacts map[string]struct{ Dependencies []string }
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	for i, stack := range stacks[1:] {
		if needed := manifest.Artifacts[stack].Dependencies; !slices.Contains(needed, stacks[i]) {
			t.Errorf("%s needs %v: expected %s among it", stack, needed, stacks[i])
		}
	}
}

// The rules that infra/check applies pass on all of them.
func TestRegionsPassTheCheck(t *testing.T) {
	outdir, stderr, status := runApp(t, nil, map[string]any{"stage": "multi-region", "regions": "eu-west-1,eu-central-1,us-east-1"})
	if status != 0 || stderr != "" {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	out, err := exec.Command("go", "run", "./check", outdir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "6 templates, 51 methods: 6 protected, ") || !strings.Contains(string(out), "; 0 findings, ") {
		t.Errorf("%v: %s", err, out)
	}
}

// The first region rotates the key for all regions. Every region's Lambdas read
// it with the KMS key of their region, and no stack depends on a later one.
func TestKeyRotationInRegions(t *testing.T) {
	outdir, stderr, status := runApp(t, nil, map[string]any{"stage": "multi-region", "cookieKeyRotation": "30d"})
	if status != 0 || stderr != "" {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	checkOrder(t, outdir, northKeys, westKeys, north, west)
	for region, want := range map[string]int{"eu-north-1": 1, "eu-west-1": 0} {
		template := readTemplate(t, outdir, "TokenHandler-multi-region-"+region)
		if n := len(template.only("AWS::SecretsManager::RotationSchedule")); n != want {
			t.Errorf("%s has %d schedules, want %d", region, n, want)
		}
		readers := map[string]bool{}
		for _, policy := range template.only("AWS::IAM::Policy") {
			for _, s := range policy["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				statement := s.(map[string]any)
				through, _ := json.Marshal(statement["Condition"])
				if stack, _ := outputOf(t, statement["Resource"]); stack == "TokenHandler-multi-region-SessionKey-"+region &&
					strings.Contains(string(through), `"secretsmanager.`+region+`.",{"Ref":"AWS::URLSuffix"}`) {
					raw, _ := json.Marshal(policy["Roles"])
					readers[string(raw)] = true
				}
			}
		}
		if len(readers) != 2+want {
			t.Errorf("%s: %d roles may use the KMS key of the region, want the two Lambdas' and the rotation's: %v", region, len(readers), readers)
		}
		for id, f := range template.only("AWS::Lambda::Function") {
			environment, _ := f["Environment"].(map[string]any)
			variables, _ := environment["Variables"].(map[string]any)
			if variables["ISSUER"] != nil && (variables["ENCRYPTION_KEY"] != nil || variables["ENCRYPTION_KEY_SECRET_ARN"] == nil) {
				t.Errorf("%s of %s has its key from %v", id, region, variables["ENCRYPTION_KEY"])
			}
		}
	}
}

// A method without authorizer is found in every region's stack.
func TestUnprotectedMethodOfRegions(t *testing.T) {
	outdir, stderr, status := runApp(t, addOpenMethod, map[string]any{"stage": "multi-region"})
	for _, stack := range []string{north, west} {
		if want := "GET /admin at " + stack + "/"; status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit status %d: %q, want %q in it", status, stderr, want)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(outdir, "*.template.json")); len(found) > 0 {
		t.Errorf("templates were written: %v", found)
	}
}

// The client's key is the replica of each region, with the id they share.
func TestKeyOfTheClientInRegions(t *testing.T) {
	s := stage{given: givens{"clientKmsKey": "arn:aws:kms:eu-north-1:123456789012:key/mrk-00000000000000000000000000000000"}}
	s.Domain = &tokenhandler.Domain{}
	if got := s.in("eu-west-1").given["clientKmsKey"]; got != "arn:aws:kms:eu-west-1:123456789012:key/mrk-00000000000000000000000000000000" {
		t.Errorf("got %s", got)
	}
	if got := s.given["clientKmsKey"]; !strings.Contains(got, "eu-north-1") {
		t.Errorf("the stage itself now has %s", got)
	}
}

// several are the fields of a stage with regions, besides its routes.
const several = `"account":"123456789012","regions":["eu-north-1","eu-west-1"],"cookieKeySecretName":"k","clientSecretName":"c",` +
	`"domain":{"name":"api.example.com","hostedZoneId":"Z","hostedZoneName":"example.com"},`

// A client that authenticates with a key needs no secret.
func TestRegionsWithoutClientSecret(t *testing.T) {
	if _, err := decode(t, `{`+several+route1+`}`, map[string]any{"clientSecretName": "", "clientAuthentication": "private_key_jwt"}); err != nil {
		t.Error(err)
	}
}
