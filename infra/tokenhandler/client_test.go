package tokenhandler

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

const signingKey = "arn:aws:kms:eu-north-1:123456789012:key/0b2c"

func given(stack awscdk.Stack, name string) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String(name), jsii.String(name))
}

// agentVariables synthesizes with a provider and returns the agent's
// environment, and the actions on the signing key that the stack's policies
// allow.
func agentVariables(t *testing.T, change func(awscdk.Stack, *Provider)) (map[string]string, []string, template) {
	t.Helper()
	stack := newStack(t)
	props := oneOrigin()
	change(stack, &props.Provider)
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	variables := map[string]string{}
	for id, f := range got.only("AWS::Lambda::Function") {
		for name, value := range dig(t, f.Properties, "Environment", "Variables").(map[string]any) {
			if short(map[string]any{"Ref": id}) == "AgentFunction" {
				variables[name] = short(value)
			} else if strings.HasPrefix(name, "CLIENT_") {
				t.Errorf("the authorizer has %s", name)
			}
		}
	}
	var grants []string
	for _, r := range got.only("AWS::IAM::Policy") {
		for _, s := range dig(t, r.Properties, "PolicyDocument", "Statement").([]any) {
			s := s.(map[string]any)
			if on := short(s["Resource"]); strings.Contains(text(s["Action"]), "kms:Sign") || strings.Contains(on, signingKey) {
				grants = append(grants, short(r.Properties["Roles"])+" may "+text(s["Action"])+" on "+on)
			}
		}
	}
	slices.Sort(grants)
	return variables, grants, got
}

// Rule 33: with a key in KMS the agent may sign with exactly that key, and
// there is no client secret anywhere.
func TestKMSKey(t *testing.T) {
	variables, grants, got := agentVariables(t, func(stack awscdk.Stack, p *Provider) {
		p.Authentication = Authentication{
			Method: PrivateKeyJWT, KeyID: "k1",
			KMSKey: awskms.Key_FromKeyArn(stack, jsii.String("Signing"), jsii.String(signingKey)),
		}
	})
	want := []string{`[AgentFunctionRole] may "kms:Sign" on ` + signingKey}
	if diff := cmp.Diff(want, grants); diff != "" {
		t.Error(diff)
	}
	if variables["CLIENT_AUTHENTICATION"] != "private_key_jwt" || variables["CLIENT_KMS_KEY_ID"] != signingKey || variables["CLIENT_KEY_ID"] != "k1" {
		t.Errorf("got %v", variables)
	}
	if _, ok := variables["CLIENT_SECRET"]; ok {
		t.Error("the agent has a client secret without a use")
	}
	if n := len(got.only("AWS::SecretsManager::Secret")); n != 1 {
		t.Errorf("got %d secrets, want the cookie key only", n)
	}
}

// A3, G3: keys and certificates are references to secrets.
func TestKeysAreReferences(t *testing.T) {
	variables, grants, _ := agentVariables(t, func(stack awscdk.Stack, p *Provider) {
		p.Authentication = Authentication{
			Method: TLSClientAuth, PrivateKey: given(stack, "key"), Certificate: given(stack, "certificate"), CertificateKey: given(stack, "certificate-key"),
		}
		p.Requests = Requests{Push: true, Sign: true, ResponseMode: "jwt", Resources: []string{"https://api.example.com/"}, ExtraParameters: []string{"max_age", "scope"}}
	})
	for name, secret := range map[string]string{"CLIENT_PRIVATE_KEY": "key", "CLIENT_CERTIFICATE": "certificate", "CLIENT_CERTIFICATE_KEY": "certificate-key"} {
		if !strings.HasPrefix(variables[name], "{{resolve:secretsmanager:") || !strings.Contains(variables[name], ":"+secret+":SecretString:") {
			t.Errorf("%s is %q, want a reference", name, variables[name])
		}
	}
	for name, value := range map[string]string{
		"PUSH_AUTHORIZATION_REQUESTS": "true", "SIGN_AUTHORIZATION_REQUESTS": "true", "RESPONSE_MODE": "jwt",
		"RESOURCES": "https://api.example.com/", "EXTRA_PARAMETERS": "max_age,scope",
	} {
		if variables[name] != value {
			t.Errorf("%s is %q, want %q", name, variables[name], value)
		}
	}
	if len(grants) != 0 {
		t.Errorf("got %v, want no permission to sign", grants)
	}
}

func TestProfileGitHub(t *testing.T) {
	variables, _, _ := agentVariables(t, func(_ awscdk.Stack, p *Provider) {
		p.Profile, p.Scope, p.Issuer = ProfileGitHub, "read:user", "https://github.com/login/oauth"
	})
	if variables["PROVIDER_PROFILE"] != "github" || variables["SCOPE"] != "read:user" || !strings.Contains(variables["CLIENT_SECRET"], "resolve") {
		t.Errorf("got %v", variables)
	}
}

func TestNewRefusesClients(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(awscdk.Stack, *Provider)
		want   string // after "tokenhandler: Props.Provider."
	}{
		{"profile", func(_ awscdk.Stack, p *Provider) { p.Profile = "google" }, `Profile must be oidc, cognito, github or oauth2, got "google"`},
		{"openid with github", func(_ awscdk.Stack, p *Provider) { p.Profile = ProfileGitHub }, "Scope must not contain openid with Props.Provider.Profile github"},
		{"method", func(_ awscdk.Stack, p *Provider) { p.Authentication.Method = "none" }, "Authentication.Method must be client_secret_basic,"},
		{"no key", func(_ awscdk.Stack, p *Provider) { p.Authentication.Method = PrivateKeyJWT }, "Authentication.PrivateKey or Props.Provider.Authentication.KMSKey is required"},
		{"signed requests without key", func(_ awscdk.Stack, p *Provider) { p.Requests.Sign = true }, "Authentication.PrivateKey or "},
		{"secret without a use", func(stack awscdk.Stack, p *Provider) {
			p.Authentication = Authentication{Method: PrivateKeyJWT, PrivateKey: given(stack, "key")}
			p.ClientSecret = given(stack, "secret")
		}, "ClientSecret cannot be combined with Props.Provider.Authentication.Method private_key_jwt"},
		{"two keys", func(stack awscdk.Stack, p *Provider) {
			p.Authentication = Authentication{Method: PrivateKeyJWT, PrivateKey: given(stack, "key"), KMSKey: awskms.Key_FromKeyArn(stack, jsii.String("K"), jsii.String(signingKey))}
		}, "Authentication.PrivateKey cannot be combined with Props.Provider.Authentication.KMSKey"},
		{"no certificate", func(_ awscdk.Stack, p *Provider) { p.Authentication.Method = TLSClientAuth }, "Authentication.Certificate is required with Props.Provider.Authentication.Method tls_client_auth"},
		{"algorithm", func(_ awscdk.Stack, p *Provider) { p.Authentication.Algorithm = "HS256" }, "Authentication.Algorithm must be ES256"},
		{"response mode", func(_ awscdk.Stack, p *Provider) { p.Requests.ResponseMode = "fragment" }, `Requests.ResponseMode must be jwt or query.jwt, got "fragment"`},
		{"A6 extra parameter", func(_ awscdk.Stack, p *Provider) { p.Requests.ExtraParameters = []string{"redirect_uri"} }, "Requests.ExtraParameters[0] must be"},
		{"resource", func(_ awscdk.Stack, p *Provider) { p.Requests.Resources = []string{"orders"} }, "Requests.Resources[0] must be an absolute URI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			props := oneOrigin()
			tt.change(stack, &props.Provider)
			got := panicOf(func() { New(stack, "TokenHandler", props) })
			if !strings.HasPrefix(got, "tokenhandler: Props.Provider."+tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, "tokenhandler: Props.Provider."+tt.want)
			}
		})
	}
}
