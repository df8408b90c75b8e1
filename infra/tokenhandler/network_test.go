package tokenhandler

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// functionVariables returns the environments of the two Lambdas.
func functionVariables(t *testing.T, got template) (authorizer, agent map[string]any) {
	t.Helper()
	for _, f := range got.only("AWS::Lambda::Function") {
		if f.Properties["Environment"] == nil {
			continue // rotates the key
		}
		variables := dig(t, f.Properties, "Environment", "Variables").(map[string]any)
		if variables["AGENT_BASE_PATH"] != nil {
			agent = variables
		} else {
			authorizer = variables
		}
	}
	return authorizer, agent
}

func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// The Lambdas run in the VPC and may make interfaces there. The function that
// rotates the key calls Secrets Manager only and stays outside.
func TestNetwork(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	bundle := authority(t)
	props.CookieKeyRotation = 24 * time.Hour
	props.Network = Network{
		VPC:            awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{VpcId: jsii.String("vpc-0a1b2c3d"), AvailabilityZones: jsii.Strings("unknown")}),
		Subnets:        []awsec2.ISubnet{awsec2.Subnet_FromSubnetId(stack, jsii.String("Subnet"), jsii.String("subnet-0a1b2c3d"))},
		SecurityGroups: []awsec2.ISecurityGroup{awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Group"), jsii.String("sg-0a1b2c3d"), nil)},
		DualStack:      true, CABundle: bundle,
	}
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	inside := 0
	for id, f := range got.only("AWS::Lambda::Function") {
		vpc, _ := f.Properties["VpcConfig"].(map[string]any)
		switch name := short(map[string]any{"Ref": id}); {
		case name == "AuthorizerFunction", name == "AgentFunction":
			inside++
			want := map[string]any{"Ipv6AllowedForDualStack": true, "SecurityGroupIds": []any{"sg-0a1b2c3d"}, "SubnetIds": []any{"subnet-0a1b2c3d"}}
			if diff := cmp.Diff(want, vpc); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		case vpc != nil:
			t.Errorf("%s is in the VPC", name)
		}
	}
	interfaces := 0
	for _, grant := range grants(t, got) {
		if strings.Contains(grant, "ec2:CreateNetworkInterface") && strings.HasSuffix(grant, " on *") {
			interfaces++
		}
	}
	if inside != 2 || interfaces != 2 {
		t.Errorf("%d functions in the VPC, %d may make interfaces, want 2", inside, interfaces)
	}
	authorizer, agent := functionVariables(t, got)
	if authorizer["CA_BUNDLE"] != bundle || agent["CA_BUNDLE"] != bundle {
		t.Errorf("CA_BUNDLE is %v and %v", authorizer["CA_BUNDLE"], agent["CA_BUNDLE"])
	}
}

// A VPC that CDK makes has a security group of the Lambdas and its subnets.
func TestNetworkOfAMadeVPC(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.Network.VPC = awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(1)})
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	if groups := len(got.only("AWS::EC2::SecurityGroup")); groups != 2 {
		t.Errorf("%d security groups, want one for each Lambda", groups)
	}
	for _, f := range got.only("AWS::Lambda::Function") {
		if !strings.HasPrefix(f.Properties["Description"].(string), "Token handler: ") {
			continue // of CDK
		}
		if subnets := text(dig(t, f.Properties, "VpcConfig", "SubnetIds")); !strings.Contains(subnets, "PrivateSubnet1") {
			t.Errorf("subnets are %s", subnets)
		}
	}
}

// The properties of the API that is made.
func TestAPIProperties(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	props.APIName, props.BinaryMediaTypes, props.DualStack = "Shop API", []string{"image/*", "application/octet-stream"}, true
	props.Domain = &Domain{Name: "api.example.com", HostedZone: zone(stack), TLSPolicy: awsapigateway.SecurityPolicy_TLS13_1_3_2025_09}
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	api := one(t, got, "AWS::ApiGateway::RestApi")
	want := map[string]any{"Name": "Shop API", "BinaryMediaTypes": []any{"image/*", "application/octet-stream"}, "DisableExecuteApiEndpoint": true,
		"EndpointConfiguration": map[string]any{"Types": []any{"REGIONAL"}, "IpAddressType": "dualstack"}}
	if diff := cmp.Diff(want, api); diff != "" {
		t.Error(diff)
	}
	domain := one(t, got, "AWS::ApiGateway::DomainName")
	if domain["SecurityPolicy"] != "SecurityPolicy_TLS13_1_3_2025_09" || domain["EndpointAccessMode"] != "STRICT" || dig(t, domain, "EndpointConfiguration", "IpAddressType") != "dualstack" {
		t.Errorf("domain name: %s", text(domain))
	}
	var kinds []string
	for _, record := range got.only("AWS::Route53::RecordSet") {
		kinds = append(kinds, record.Properties["Type"].(string))
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"A", "AAAA"}) {
		t.Errorf("records %q, want A and AAAA", kinds)
	}

	legacy := oneOrigin()
	stack = newStack(t)
	legacy.Domain = &Domain{Name: "api.example.com", HostedZone: zone(stack), TLSPolicy: awsapigateway.SecurityPolicy_TLS_1_2}
	New(stack, "TokenHandler", legacy).Protect(orders())
	if domain := one(t, read(t, stack), "AWS::ApiGateway::DomainName"); domain["SecurityPolicy"] != "TLS_1_2" || domain["EndpointAccessMode"] != nil {
		t.Errorf("domain name: %s", text(domain))
	}
}

// Reads without Origin are trusted only where a page of the application lives on
// the host of the API.
func TestSameOriginReads(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(awscdk.Stack, *Props)
		add    func(awscdk.Stack, *TokenHandler)
		want   any
	}{
		{"another host", func(awscdk.Stack, *Props) {}, nil, nil},
		{"a domain of its own", func(s awscdk.Stack, p *Props) { p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s)} }, nil, nil},
		{"a domain that is a trusted origin", func(s awscdk.Stack, p *Props) { p.Domain = &Domain{Name: "www.example.com", HostedZone: zone(s)} }, nil, "true"},
		{"said so", func(_ awscdk.Stack, p *Props) { p.Application.SameOriginReads = true }, nil, "true"},
		{"a site", func(awscdk.Stack, *Props) {}, func(s awscdk.Stack, h *TokenHandler) {
			NewSite(s, "Site", &SiteProps{Handler: h, Name: "www.example.com", Certificate: certificate(s, usEast1), APIPaths: []string{"/orders"}})
		}, "true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack, props := newStack(t), oneOrigin()
			tt.change(stack, props)
			h := New(stack, "TokenHandler", props)
			h.Protect(orders())
			if tt.add != nil {
				tt.add(stack, h)
			}
			authorizer, agent := functionVariables(t, read(t, stack))
			if authorizer["SAME_ORIGIN_READS"] != tt.want || agent["SAME_ORIGIN_READS"] != tt.want {
				t.Errorf("SAME_ORIGIN_READS is %v and %v, want %v", authorizer["SAME_ORIGIN_READS"], agent["SAME_ORIGIN_READS"], tt.want)
			}
		})
	}
}

func TestNetworkAndAPIPropertiesAreRefused(t *testing.T) {
	origins := func(n int) []string {
		var list []string
		for i := range n {
			list = append(list, "https://"+strings.Repeat("a", 60)+"."+strings.Repeat("b", 60)+string(rune('a'+i%26))+string(rune('a'+i/26))+".example.com")
		}
		return list
	}
	for _, tt := range []struct {
		name   string
		change func(awscdk.Stack, *Props)
		want   string
	}{
		{"subnets without a VPC", func(s awscdk.Stack, p *Props) {
			p.Network.Subnets = []awsec2.ISubnet{awsec2.Subnet_FromSubnetId(s, jsii.String("S"), jsii.String("subnet-1"))}
		}, "Props.Network.Subnets requires Props.Network.VPC"},
		{"no certificate", func(_ awscdk.Stack, p *Props) { p.Network.CABundle = "ca.pem" }, "Props.Network.CABundle must be 1 to 10 certificates in PEM form"},
		{"a private key", func(_ awscdk.Stack, p *Props) {
			p.Network.CABundle = authority(t) + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
		}, "Props.Network.CABundle must be"},
		{"media type", func(_ awscdk.Stack, p *Props) { p.BinaryMediaTypes = []string{"image/png", "image/png; q=1"} }, `Props.BinaryMediaTypes[1] must be a media type`},
		{"media type twice", func(_ awscdk.Stack, p *Props) { p.BinaryMediaTypes = []string{"*/*", "*/*"} }, `Props.BinaryMediaTypes[1] must be listed once`},
		{"name", func(_ awscdk.Stack, p *Props) { p.APIName = strings.Repeat("x", 256) }, "Props.APIName must be 1 to 255"},
		{"name of a given API", func(s awscdk.Stack, p *Props) {
			p.APIName, p.API = "x", awsapigateway.NewRestApi(s, jsii.String("Api"), nil)
		}, "Props.APIName cannot be combined with Props.API"},
		{"TLS 1.0", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s), TLSPolicy: awsapigateway.SecurityPolicy_TLS_1_0}
		}, "Props.Domain.TLSPolicy must be one of TLS13_1_2_PFS_PQ_2025_09, "},
		{"cookies beside the base path", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s), BasePath: "shop"}
			p.Cookies.BasePath = "/oauth-agent"
		}, `Props.Cookies.BasePath must be /shop/oauth-agent, where browsers reach the agent below Props.Domain.BasePath, or they do not send the cookies there, got "/oauth-agent"`},
		{"environment of the agent", func(_ awscdk.Stack, p *Props) {
			p.Application.TrustedWebOrigins = origins(27)
			p.Application.RedirectURI = p.Application.TrustedWebOrigins[0] + "/"
		}, "Props.Application.TrustedWebOrigins takes 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack, props := newStack(t), oneOrigin()
			tt.change(stack, props)
			mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: ", tt.want)
		})
	}
}

// A private REST API that the stack makes itself, with its policy, is protected
// like any other.
func TestPrivateAPI(t *testing.T) {
	stack, props := newStack(t), oneOrigin()
	endpoint := awsec2.InterfaceVpcEndpoint_FromInterfaceVpcEndpointAttributes(stack, jsii.String("Endpoint"), &awsec2.InterfaceVpcEndpointAttributes{VpcEndpointId: jsii.String("vpce-0a1b2c3d"), Port: jsii.Number(443)})
	props.API = awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{
		CloudWatchRole: jsii.Bool(false),
		EndpointConfiguration: &awsapigateway.EndpointConfiguration{
			Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_PRIVATE}, VpcEndpoints: &[]awsec2.IVpcEndpoint{endpoint},
		},
		Policy: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()}, Actions: jsii.Strings("execute-api:Invoke"), Resources: jsii.Strings("execute-api:/*"),
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceVpce": "vpce-0a1b2c3d"}},
		})}}),
	})
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	api := one(t, got, "AWS::ApiGateway::RestApi")
	if text(dig(t, api, "EndpointConfiguration", "Types")) != `["PRIVATE"]` || api["Policy"] == nil {
		t.Errorf("API: %s", text(api))
	}
	if method := got.methods()["GET /orders"]; method["AuthorizationType"] != "CUSTOM" {
		t.Errorf("GET /orders: %s", text(method))
	}
}
