package tokenhandler

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const usEast1 = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"

func zone(scope constructs.Construct) awsroute53.IHostedZone {
	return awsroute53.HostedZone_FromHostedZoneAttributes(scope, jsii.String("Zone"), &awsroute53.HostedZoneAttributes{
		HostedZoneId: jsii.String("Z0123456789ABCDEFGHIJ"), ZoneName: jsii.String("example.com"),
	})
}

func certificate(scope constructs.Construct, arn string) awscertificatemanager.ICertificate {
	return awscertificatemanager.Certificate_FromCertificateArn(scope, jsii.String("Given"), jsii.String(arn))
}

// crossOrigin: the application on www.example.com, the API on api.example.com.
func crossOrigin(t testing.TB) template {
	stack := newStack(t)
	props := oneOrigin()
	props.Domain = &Domain{Name: "api.example.com", HostedZone: zone(stack)}
	New(stack, "TokenHandler", props).Protect(orders())
	return read(t, stack)
}

// sameOrigin: both on www.example.com.
func sameOrigin(t testing.TB) template {
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	h.Protect(Route{Path: "/api/{proxy+}", Methods: []string{"ANY"}, Upstream: "https://api.internal.example/{proxy}", Transparent: true})
	NewSite(stack, "Site", &SiteProps{Handler: h, Name: "www.example.com", Certificate: certificate(stack, usEast1), HostedZone: zone(stack)})
	return read(t, stack)
}

func TestCrossOriginProfile(t *testing.T) {
	got := crossOrigin(t)
	if api := one(t, got, "AWS::ApiGateway::RestApi"); api["DisableExecuteApiEndpoint"] != true {
		t.Errorf("the API's own host is on: %s", text(api))
	}
	domain := one(t, got, "AWS::ApiGateway::DomainName")
	if domain["SecurityPolicy"] != "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09" ||
		domain["EndpointAccessMode"] != "STRICT" || dig(t, domain, "EndpointConfiguration", "Types", 0) != "REGIONAL" {
		t.Errorf("the domain is %s", text(domain))
	}
	if c := one(t, got, "AWS::CertificateManager::Certificate"); c["DomainName"] != "api.example.com" || c["ValidationMethod"] != "DNS" {
		t.Errorf("the certificate is %s", text(c))
	}
	record := one(t, got, "AWS::Route53::RecordSet")
	if record["Name"] != "api.example.com." || record["Type"] != "A" || record["AliasTarget"] == nil {
		t.Errorf("the record is %s", text(record))
	}
	checkTemplate(t, got, map[string]string{})
}

func existing(scope constructs.Construct) awsapigateway.IDomainName {
	return awsapigateway.DomainName_FromDomainNameAttributes(scope, jsii.String("Existing"), &awsapigateway.DomainNameAttributes{
		DomainName: jsii.String("api.example.com"), DomainNameAliasTarget: jsii.String("d-abc123.execute-api.eu-north-1.amazonaws.com"), DomainNameAliasHostedZoneId: jsii.String("Z2FDTNDATAQYW2"),
	})
}

// An existing domain name gets another mapping. The stack makes and changes no
// other part of it.
func TestExistingDomain(t *testing.T) {
	stack := newStack(t)
	props := oneOrigin()
	props.Domain = &Domain{Name: "api.example.com", Existing: existing(stack), BasePath: "shop/v2"}
	New(stack, "TokenHandler", props).Protect(orders())
	got := read(t, stack)
	for _, kind := range []string{"AWS::ApiGateway::DomainName", "AWS::CertificateManager::Certificate", "AWS::Route53::RecordSet"} {
		if n := len(got.only(kind)); n != 0 {
			t.Errorf("the stack has %d of %s", n, kind)
		}
	}
	if mapping := one(t, got, "AWS::ApiGateway::BasePathMapping"); mapping["DomainName"] != "api.example.com" || mapping["BasePath"] != "shop/v2" ||
		short(mapping["RestApiId"]) != "Api" || mapping["Stage"] == nil {
		t.Errorf("the mapping is %s", text(mapping))
	}
	if api := one(t, got, "AWS::ApiGateway::RestApi"); api["DisableExecuteApiEndpoint"] != true {
		t.Errorf("the API's own host is on: %s", text(api))
	}

	stack = newStack(t)
	props.Domain = &Domain{Name: "api.example.com", HostedZone: zone(stack), BasePath: "shop"}
	New(stack, "TokenHandler", props).Protect(orders())
	if mapping := one(t, read(t, stack), "AWS::ApiGateway::BasePathMapping"); mapping["BasePath"] != "shop" {
		t.Errorf("the mapping of a domain name that is made is %s", text(mapping))
	}
}

func TestSameOriginProfile(t *testing.T) {
	got := sameOrigin(t)
	d := dig(t, one(t, got, "AWS::CloudFront::Distribution"), "DistributionConfig").(map[string]any)
	if d["HttpVersion"] != "http2and3" || dig(t, d, "ViewerCertificate", "MinimumProtocolVersion") != "TLSv1.2_2025" || dig(t, d, "Aliases", 0) != "www.example.com" {
		t.Errorf("the distribution is %s", text(d))
	}
	const (
		cachingDisabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
		allExceptHost   = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
	)
	behaviors := d["CacheBehaviors"].([]any)
	var paths []string
	for _, b := range behaviors {
		b := b.(map[string]any)
		paths = append(paths, b["PathPattern"].(string))
		if b["CachePolicyId"] != cachingDisabled || b["OriginRequestPolicyId"] != allExceptHost || b["ViewerProtocolPolicy"] != "https-only" || len(b["AllowedMethods"].([]any)) != 7 {
			t.Errorf("the API's behavior is %s", text(b))
		}
	}
	if strings.Join(paths, " ") != "/oauth-agent/* /api/*" && strings.Join(paths, " ") != "/api/* /oauth-agent/*" {
		t.Errorf("the API's paths are %v", paths)
	}
	if n := len(got.only("AWS::CloudFront::OriginAccessControl")); n != 1 {
		t.Errorf("got %d origin access controls", n)
	}
	bucket := one(t, got, "AWS::S3::Bucket")
	for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if dig(t, bucket, "PublicAccessBlockConfiguration", block) != true {
			t.Errorf("the bucket lacks %s", block)
		}
	}
	var pages string
	for id, p := range got.only("AWS::CloudFront::ResponseHeadersPolicy") {
		if strings.Contains(id, "Page") {
			pages = text(p.Properties)
		}
	}
	mustContain(t, pages, "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", `"StrictTransportSecurity"`, `"ContentTypeOptions"`, `"no-referrer"`)
	if n := len(got.only("AWS::Route53::RecordSet")); n != 2 {
		t.Errorf("got %d records, want A and AAAA", n)
	}
	checkTemplate(t, got, map[string]string{})
}

func TestDomainIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(awscdk.Stack, *Props)
		want   string
	}{
		{"URL", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "https://api.example.com", HostedZone: zone(s)}
		}, `Props.Domain.Name must be a host name such as api.example.com, got "https://api.example.com"`},
		{"one label", func(s awscdk.Stack, p *Props) { p.Domain = &Domain{Name: "api", HostedZone: zone(s)} }, `Props.Domain.Name must be a host name such as api.example.com, got "api"`},
		{"no certificate", func(s awscdk.Stack, p *Props) { p.Domain = &Domain{Name: "api.example.com"} }, "Props.Domain.Certificate or Props.Domain.HostedZone is required: a certificate is validated through the zone"},
		{"another zone", func(s awscdk.Stack, p *Props) { p.Domain = &Domain{Name: "api.example.org", HostedZone: zone(s)} }, `Props.Domain.Name must be in the zone example.com, got "api.example.org"`},
		{"ending like the zone", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.notexample.com", HostedZone: zone(s)}
		}, `Props.Domain.Name must be in the zone example.com, got "api.notexample.com"`},
		{"cookie domain elsewhere", func(s awscdk.Stack, p *Props) {
			p.Cookies.Domain, p.Domain = "example.org", &Domain{Name: "api.example.com", HostedZone: zone(s)}
		}, `Props.Cookies.Domain must cover Props.Domain.Name api.example.com, or browsers drop the cookies, got "example.org"`},
		{"base path with slashes", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s), BasePath: "/shop/"}
		}, `Props.Domain.BasePath must be segments of letters, digits and ._- such as shop or shop/v2, got "/shop/"`},
		{"base path that CDK refuses", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s), BasePath: "a~b"}
		}, `Props.Domain.BasePath must be segments of letters, digits and ._- such as shop or shop/v2, got "a~b"`},
		{"existing with a certificate", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", Existing: existing(s), Certificate: certificate(s, usEast1)}
		}, "Props.Domain.Certificate cannot be combined with Props.Domain.Existing: it belongs to the owner of that domain name"},
		{"existing of another name", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "other.example.com", Existing: existing(s)}
		}, `Props.Domain.Name must be that of Props.Domain.Existing, api.example.com, got "other.example.com"`},
		{"latency without zone", func(s awscdk.Stack, p *Props) {
			p.Domain = &Domain{Name: "api.example.com", Certificate: certificate(s, usEast1), Latency: "eu"}
		}, "Props.Domain.Latency requires Props.Domain.HostedZone, for the records"},
		{"given API", func(s awscdk.Stack, p *Props) {
			p.API = awsapigateway.NewRestApi(s, jsii.String("Mine"), nil)
			p.Domain = &Domain{Name: "api.example.com", HostedZone: zone(s)}
		}, "Props.Domain cannot be combined with Props.API: the domain belongs to that API"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			props := oneOrigin()
			tt.change(stack, props)
			mustContain(t, panicOf(func() { New(stack, "TokenHandler", props) }), "tokenhandler: "+tt.want)
		})
	}
}

func TestSiteIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(awscdk.Stack, *SiteProps)
		want   string
	}{
		{"untrusted", func(_ awscdk.Stack, p *SiteProps) { p.Name = "other.example.com" }, `SiteProps.Name must be the host of one of Props.Application.TrustedWebOrigins, got "other.example.com"`},
		{"no name", func(_ awscdk.Stack, p *SiteProps) { p.Name = "" }, `SiteProps.Name must be a host name such as www.example.com, got ""`},
		{"no certificate", func(_ awscdk.Stack, p *SiteProps) { p.Certificate = nil }, "SiteProps.Certificate is missing: it must be a certificate for SiteProps.Name in us-east-1"},
		{"certificate elsewhere", func(s awscdk.Stack, p *SiteProps) {
			p.Certificate = certificate(s, strings.Replace(usEast1, "us-east-1", "eu-north-1", 1))
		}, "SiteProps.Certificate must be one of us-east-1"},
		{"inline scripts", func(_ awscdk.Stack, p *SiteProps) { p.ContentSecurityPolicy = "script-src 'unsafe-inline'" }, "'unsafe-inline'"},
		{"cookie domain elsewhere", func(_ awscdk.Stack, p *SiteProps) { p.Handler.props.Cookies.Domain = "example.org" }, `Props.Cookies.Domain must cover SiteProps.Name www.example.com, or browsers drop the cookies, got "example.org"`},
		{"web ACL that is no ARN", func(_ awscdk.Stack, p *SiteProps) { p.WebACL = "x" }, `SiteProps.WebACL must be the ARN of a web ACL for CloudFront, of us-east-1, got "x"`},
		{"regional web ACL", func(_ awscdk.Stack, p *SiteProps) {
			p.WebACL = "arn:aws:wafv2:eu-north-1:123456789012:regional/webacl/a/b"
		}, "SiteProps.WebACL must be the ARN of a web ACL for CloudFront"},
		{"web ACL that the execute-api host bypasses", func(_ awscdk.Stack, p *SiteProps) {
			p.WebACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"
		}, "SiteProps.WebACL requires Props.Operation.WebACL: the API also answers at its execute-api host"},
		{"everything", func(_ awscdk.Stack, p *SiteProps) { p.APIPaths = []string{"/*"} }, `SiteProps.APIPaths[0] must be a path such as /api/*, got "/*"`},
		{"cookie path elsewhere", func(_ awscdk.Stack, p *SiteProps) { p.Handler.props.Cookies.BasePath = "/api/oauth-agent" }, `Props.Cookies.BasePath must be /oauth-agent, where browsers reach the agent on a site`},
		{"caching", func(_ awscdk.Stack, p *SiteProps) { p.Handler.props.AuthorizerCaching.TTL = 1e9 }, "Props.AuthorizerCaching.TTL cannot be combined with a site"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stack := newStack(t)
			props := &SiteProps{Handler: New(stack, "TokenHandler", oneOrigin()), Name: "www.example.com"}
			if tt.name != "certificate elsewhere" {
				props.Certificate = certificate(stack, usEast1)
			}
			tt.change(stack, props)
			mustContain(t, panicOf(func() { NewSite(stack, "Site", props) }), "tokenhandler: ", tt.want)
		})
	}
	stack := newStack(t)
	h := New(stack, "TokenHandler", oneOrigin())
	NewSite(stack, "Site", &SiteProps{Handler: h, Name: "www.example.com", Certificate: certificate(stack, usEast1)})
	h.Protect(orders())
	mustContain(t, panicOf(func() { assertions.Template_FromStack(stack, nil) }), "[Test/Stack/Site] route /orders is not below SiteProps.APIPaths /api/*")
}
