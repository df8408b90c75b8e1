package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/internal/setup"
)

// asApp makes the test binary behave as an app: some tests start it as the CDK
// CLI starts the real one, with context and output directory in the
// environment. Most tests synthesize in their own process, because starting
// Node.js takes longer than synthesis.
const asApp = "INFRA_TEST_APP"

func TestMain(m *testing.M) {
	run := func(app func() error) { os.Exit(report(os.Stderr, app)) }
	switch os.Getenv(asApp) {
	case "":
		// Node.js starts with the first construct and then reads these
		// variables. CDK's validation takes longer than everything else;
		// TestEveryStageIsValid covers it.
		os.Setenv("CDK_VALIDATION", "false")
		os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
		status := m.Run()
		os.RemoveAll(shared.dir)
		os.Exit(status)
	case "sound":
		main()
	case "unprotected":
		run(func() error { return synth(awscdk.NewApp(nil), addOpenMethod) })
	case "overridden":
		run(func() error { return synth(awscdk.NewApp(nil), takeAway) })
	case "bare":
		run(bare)
	case "every":
		run(every)
	case "others":
		others()
	case "serve":
		serveApps()
	}
}

// serveApps synthesizes the apps that test/e2e asks for on stdin, and answers each
// on stdout with the lines that the app would print. The end-to-end tests run
// many stages, and starting Node.js takes longer than synthesis.
func serveApps() {
	requests, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	os.Stdout = os.Stderr // for all others
	for {
		var app struct {
			Outdir  string
			Context map[string]any
		}
		if requests.Decode(&app) != nil {
			return
		}
		awscdk.AssetStaging_ClearAssetHashCache() // as in a new process
		var lines bytes.Buffer
		report(&lines, func() error {
			return synth(awscdk.NewApp(&awscdk.AppProps{Context: &app.Context, Outdir: &app.Outdir}), nil)
		})
		if answers.Encode(lines.String()) != nil {
			return
		}
	}
}

// addOpenMethod adds a method without authorizer to each API.
func addOpenMethod(stack awscdk.Stack) {
	for _, node := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if api, ok := node.(awsapigateway.RestApi); ok {
			api.Root().AddResource(jsii.String("admin"), nil).AddMethod(jsii.String("GET"), nil, nil)
		}
	}
}

// takeAway removes the authorizer of one method in the template, where the
// construct cannot see it.
func takeAway(stack awscdk.Stack) {
	for _, node := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if method, ok := node.(awsapigateway.CfnMethod); ok && strings.HasSuffix(*method.Node().Path(), "/orders/GET/Resource") {
			method.AddPropertyOverride(jsii.String("AuthorizationType"), "NONE")
		}
	}
}

// others is an app of another team that does the same as takeAway.
func others() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Stack"), nil)
	tokenhandler.New(stack, "TokenHandler", &tokenhandler.Props{
		Application: tokenhandler.Application{TrustedWebOrigins: []string{"https://www.example.com"}, RedirectURI: "https://www.example.com/"},
		Provider:    tokenhandler.Provider{Issuer: "https://login.example.com", ClientID: "spa-client"},
	}).Protect(tokenhandler.Route{Path: "/orders", Methods: []string{"GET"}, Upstream: "https://orders.internal.example/"})
	takeAway(stack)
	app.Synth(nil)
}

// runApp synthesizes the app in this process, with the context of cdk.json and
// overrides, and change of its stacks. It does not compile Lambdas. stderr has
// the app's own lines, without those that CDK prints.
func runApp(t *testing.T, change func(awscdk.Stack), overrides map[string]any) (outdir, stderr string, status int) {
	t.Helper()
	context := appContext(t, overrides)
	outdir = t.TempDir()
	var lines bytes.Buffer
	status = report(&lines, func() error {
		return synth(awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: &outdir}), change)
	})
	return outdir, lines.String(), status
}

// shared are assemblies that several tests read and no test changes.
var shared struct{ dir, every, built string }

// everyStage synthesizes all stages of cdk.json into one assembly, once for all
// tests, in a process of its own, because validation must be on.
func everyStage(t *testing.T) (outdir string) {
	t.Helper()
	if shared.every == "" {
		dir := sharedDir(t, "every")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asApp+"=every", "CDK_CONTEXT_JSON="+contextJSON(appContext(t, nil)), "CDK_OUTDIR="+dir, "CDK_VALIDATION=true")
		output, err := cmd.CombinedOutput()
		if status := exitStatus(t, err); status != 0 || bytes.Contains(output, []byte("infra: ")) {
			t.Fatalf("exit status %d: %s", status, output)
		}
		shared.every = dir
	}
	return shared.every
}

// planted is in the environment while builtAssembly synthesizes.
const planted = "Zq7-not-for-the-template"

// builtAssembly synthesizes the default stage with its Lambdas, once for all
// tests, in a process of its own.
func builtAssembly(t *testing.T) (outdir string) {
	t.Helper()
	if shared.built == "" {
		dir := sharedDir(t, "built")
		runIn(t, "..", append(os.Environ(), asApp+"=sound", "CDK_CONTEXT_JSON="+contextJSON(cdkJSON(t)), "CDK_OUTDIR="+dir, "CDK_VALIDATION=false",
			"CLIENT_SECRET="+planted, "ENCRYPTION_KEY="+strings.Repeat("5e", 32)), os.Args[0])
		shared.built = dir
	}
	return shared.built
}

func sharedDir(t *testing.T, name string) string {
	t.Helper()
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "infra")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
	}
	return filepath.Join(shared.dir, name)
}

// runProcess starts the test binary as an app.
func runProcess(t *testing.T, app string) (outdir, stderr string, status int) {
	t.Helper()
	outdir = t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asApp+"="+app, "CDK_CONTEXT_JSON="+contextJSON(appContext(t, nil)), "CDK_OUTDIR="+outdir)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	status = exitStatus(t, cmd.Run())
	return outdir, errors.String(), status
}

// appContext is the context of cdk.json with overrides, and without bundling.
func appContext(t *testing.T, overrides map[string]any) map[string]any {
	t.Helper()
	context := cdkJSON(t)
	context["aws:cdk:bundling-stacks"] = []string{}
	maps.Copy(context, overrides)
	return context
}

func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

func cdkJSON(t *testing.T) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Context
}

func TestEveryStageSynthesizes(t *testing.T) {
	stages := cdkJSON(t)["stages"].(map[string]any)
	for _, name := range sortedKeys(stages) {
		outdir := everyStage(t)
		fields := stages[name].(map[string]any)
		stacks := []string{"TokenHandler-" + name}
		if regions, _ := fields["regions"].([]any); len(regions) > 0 {
			stacks = nil
			for _, region := range regions {
				stacks = append(stacks, "TokenHandler-"+name+"-"+region.(string))
			}
		}
		for _, stack := range stacks {
			raw, err := os.ReadFile(filepath.Join(outdir, stack+".template.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"ApiUrl"`, `"EncryptionKeyArn"`, `"arm64"`} {
				if !strings.Contains(string(raw), want) {
					t.Errorf("%s: the template lacks %s", stack, want)
				}
			}
			// A client that authenticates without a secret has no secret to
			// register.
			secret := fields["clientAuthentication"] == nil
			if got := strings.Contains(string(raw), `"ClientSecretArn"`); got != secret {
				t.Errorf("%s: an output tells of a client secret: %t, want %t", stack, got, secret)
			}
		}
		if comment, ok := fields[comment]; !ok || !isComment(comment) {
			t.Errorf("stage %s: no comment describes it", name)
		}
	}
}

// Each kind of provider has a stage to copy, and one stage has every setting
// that makes requests stricter.
func TestEveryProfileHasAStage(t *testing.T) {
	profiles, strict := map[any]bool{}, false
	for _, s := range cdkJSON(t)["stages"].(map[string]any) {
		s := s.(map[string]any)
		profiles[s["profile"]] = true
		strict = strict || s["clientAuthentication"] == tokenhandler.PrivateKeyJWT && s["clientKmsKey"] != nil &&
			s["pushAuthorizationRequests"] == true && s["signAuthorizationRequests"] == true && s["responseMode"] == "jwt"
	}
	profiles[tokenhandler.ProfileOIDC] = profiles[nil] // the default
	for _, profile := range settings.Profiles {
		if !profiles[profile] {
			t.Errorf("no stage of cdk.json is of the profile %s", profile)
		}
	}
	if !strict {
		t.Error("no stage of cdk.json has a client without secret, with pushed and signed requests and signed responses")
	}
}

func TestOverridesReachTheTemplate(t *testing.T) {
	outdir, stderr, status := runApp(t, nil, map[string]any{
		"stage": "local", "architecture": "x86_64", "clientSecretName": "prod/oauth/spa",
		"origins": "http://www.example.localhost:4000, http://other.example.localhost:4000", "redirectUri": "http://www.example.localhost:4000/",
		"routes": `[{"path":"/invoices","methods":["GET"],"upstream":"http://127.0.0.1:4003/invoices"}]`,
	})
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	raw, err := os.ReadFile(filepath.Join(outdir, "TokenHandler-local.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"x86_64"`, `"TRUSTED_WEB_ORIGINS": "http://www.example.localhost:4000,http://other.example.localhost:4000"`,
		`http://127.0.0.1:4003/invoices`, `resolve:secretsmanager:prod/oauth/spa:SecretString:::}}`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the template lacks %s", want)
		}
	}
	if strings.Contains(string(raw), "/orders") {
		t.Error("the template has the routes of cdk.json still")
	}
}

// An API on a custom domain name of another owner, below a path of it.
func TestExistingDomainOfAStage(t *testing.T) {
	outdir, stderr, status := runApp(t, nil, map[string]any{"stage": "cross-origin", "domain": `{"name":"api.example.com","existing":true,"basePath":"shop"}`})
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	template := readTemplate(t, outdir, "TokenHandler-cross-origin")
	if mapping := template.one(t, "AWS::ApiGateway::BasePathMapping"); mapping["DomainName"] != "api.example.com" || mapping["BasePath"] != "shop" {
		t.Errorf("the mapping is %v", mapping)
	}
	if made := len(template.only("AWS::ApiGateway::DomainName")) + len(template.only("AWS::Route53::RecordSet")); made != 0 {
		t.Errorf("%d domain names and records are made", made)
	}
	for domain, want := range map[string]string{
		`{"name":"api.example.com","existing":true,"certificateArn":"arn:aws:acm:eu-north-1:123456789012:certificate/x"}`: "infra: domain.certificateArn cannot be combined with domain.existing",
		`{"name":"api.example.com","existing":true,"basePath":"/shop"}`:                                                   `infra: domain.basePath must be segments`,
	} {
		if _, stderr, status := runApp(t, nil, map[string]any{"stage": "cross-origin", "domain": domain}); status != 1 || !strings.HasPrefix(stderr, want) {
			t.Errorf("exit status %d: %q, want %q", status, stderr, want)
		}
	}
}

// An unprotected method leads to exit status 1, one line that names it and the
// remedy, and no template that a pipeline could deploy.
func TestUnprotectedMethodStopsTheApp(t *testing.T) {
	outdir, stderr, status := runProcess(t, "unprotected")
	if status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if want := "GET /admin at TokenHandler-example/TokenHandler/Api/Default/admin/GET/Resource has no authorizer"; !strings.Contains(stderr, want) {
		t.Errorf("got %q, want %q in it", stderr, want)
	}
	if strings.Contains(stderr, "goroutine") || strings.Contains(stderr, ".js:") {
		t.Errorf("a stack trace reaches the person:\n%s", stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(outdir, "*.template.json")); len(found) > 0 {
		t.Errorf("templates were written: %v", found)
	}
}

// The app removes a template with a fault that the construct tree does not
// show.
func TestOverriddenMethodStopsTheApp(t *testing.T) {
	outdir, stderr, status := runProcess(t, "overridden")
	for _, want := range []string{
		"FATAL GET /orders has no authorizer", "Api/Default/orders/GET/Resource", "Rule token-handler::TH-AuthorizerOnEveryMethod",
		"infra: TokenHandler-example.template.json is removed, it violates the rules\n",
	} {
		if status != 1 || strings.Count(stderr, want) != 1 {
			t.Errorf("exit status %d: %q, want %q once in it", status, stderr, want)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(outdir, "*.template.json")); len(found) > 0 {
		t.Errorf("templates are left: %v", found)
	}
}

// The app reports each wrong field in one line, without a stack trace.
func TestFaultsOfTheAppAreLines(t *testing.T) {
	for _, tt := range []struct {
		overrides map[string]any
		want      string
	}{
		{map[string]any{"origins": "*"}, "infra: origins[0] must be an origin such as"},
		{map[string]any{"stage": "nope"}, `infra: stage "nope" is not in cdk.json: it must be one of `},
	} {
		_, stderr, status := runApp(t, nil, tt.overrides)
		if status != 1 || !strings.HasPrefix(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: got exit status %d and %q, want one line that begins with %q", tt.overrides, status, stderr, tt.want)
		}
	}
}

// The CLI fails for an app of another team that only synthesizes and does not
// look at exit statuses.
func TestCDKSynthFailsOnAnUnprotectedMethod(t *testing.T) {
	cli, err := filepath.Abs("../node_modules/aws-cdk/bin/cdk")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := setup.Node(t.Context()); err != nil {
		t.Skip(err)
	}
	if _, err := setup.Packages(t.Context(), ".."); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", cli, "synth", "--quiet", "--no-notices", "--app", os.Args[0], "--output", t.TempDir(), "--validation=false")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), asApp+"=others")
	out, err := cmd.CombinedOutput()
	if status := exitStatus(t, err); status == 0 || !strings.Contains(string(out), "GET /orders has no authorizer") {
		t.Errorf("exit status %d: %s", status, out)
	}
}
