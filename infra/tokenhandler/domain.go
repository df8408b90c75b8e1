package tokenhandler

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Domain is the host name of the API that is made, for single page
// applications on another host of the same site. The API's own execute-api
// host is switched off then: sessions live on this host only.
type Domain struct {
	// Name such as api.example.com.
	Name string `json:"name"`
	// Certificate for Name in the API's region. Nil: one is made and validated
	// through HostedZone.
	Certificate awscertificatemanager.ICertificate `json:"certificateArn"`
	// HostedZone gets the records of Name. Nil: make them yourself, as an alias
	// of API.DomainName().
	HostedZone awsroute53.IHostedZone `json:"hostedZoneId" with:"hostedZoneName"`
	// Existing is an existing custom domain name, such as one of several APIs.
	// Name must be its name. Its owner keeps its certificate, TLS policy and
	// records. awsapigateway.DomainName_FromDomainNameAttributes makes one from
	// its attributes.
	Existing awsapigateway.IDomainName `json:"existing"`
	// BasePath is where on the host the API is, such as shop or shop/v2, without
	// slashes at its ends. Default: the root. The cookies are sent to the whole host
	// in any case.
	BasePath string `json:"basePath"`
	// TLSPolicy is the security policy of the host: the TLS versions and ciphers
	// that clients may use. Default: TLS13_1_2_PFS_PQ_2025_09, TLS 1.3, and 1.2
	// with forward secrecy. Post-quantum key exchange is offered.
	TLSPolicy awsapigateway.SecurityPolicy `json:"tlsPolicy" default:"TLS13_1_2_PFS_PQ_2025_09"`
	// Latency makes the record one of several with the same name. Route 53
	// chooses the one whose region is nearest to the browser. The value names
	// this region's record. The regions share the key of [NewSessionKey].
	Latency string `json:"latency"`
}

func checkDomain(c *settings.Checker, p *Props) {
	d := p.Domain
	if d == nil {
		return
	}
	c.Refuse(p.API != nil, &p.Domain, "cannot be combined with %s: the domain belongs to that API", &p.API)
	c.Must(isHostName(d.Name), &d.Name, "be a host name such as api.example.com")
	c.Must(isBasePath(d.BasePath), &d.BasePath, "be segments of letters, digits and ._- such as shop or shop/v2")
	c.Refuse(d.Existing == nil && d.Certificate == nil && d.HostedZone == nil, &d.Certificate, "or %s is required: a certificate is validated through the zone", &d.HostedZone)
	c.Must(slices.Contains(tlsPolicies, d.TLSPolicy), &d.TLSPolicy, "be one of "+tlsPolicyNames())
	reached := strings.TrimSuffix("/"+d.BasePath, "/") + p.Application.AgentPath
	c.Must(p.Cookies.BasePath == "" || p.Cookies.BasePath == reached, &p.Cookies.BasePath, "be "+reached+", where browsers reach the agent below %s, or they do not send the cookies there", &d.BasePath)
	c.Refuse(d.Latency != "" && d.HostedZone == nil, &d.Latency, "requires %s, for the records", &d.HostedZone)
	if d.Existing != nil {
		const owner = "cannot be combined with %s: it belongs to the owner of that domain name"
		c.Refuse(d.Certificate != nil, &d.Certificate, owner, &d.Existing)
		c.Refuse(d.HostedZone != nil, &d.HostedZone, owner, &d.Existing)
		c.Refuse(d.Latency != "", &d.Latency, owner, &d.Existing)
		c.Refuse(d.TLSPolicy != defaultTLSPolicy, &d.TLSPolicy, owner, &d.Existing)
		name := *d.Existing.DomainName()
		c.Must(isToken(name) || name == d.Name, &d.Name, "be that of %s, "+name, &d.Existing)
	}
	if d.HostedZone != nil {
		zone := *d.HostedZone.ZoneName()
		c.Must(covers(zone, d.Name), &d.Name, "be in the zone "+zone)
	}
	c.Must(p.Cookies.Domain == "" || covers(p.Cookies.Domain, d.Name), &p.Cookies.Domain, "cover %s "+d.Name+", or browsers drop the cookies", &d.Name)
}

const defaultTLSPolicy = awsapigateway.SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09

// tlsPolicies are those of Regional domain names with TLS 1.2 or later (Amazon
// API Gateway Developer Guide, "Supported security policies").
var tlsPolicies = []awsapigateway.SecurityPolicy{
	defaultTLSPolicy,
	awsapigateway.SecurityPolicy_TLS13_1_2_PQ_2025_09,
	awsapigateway.SecurityPolicy_TLS13_1_3_2025_09,
	awsapigateway.SecurityPolicy_TLS13_1_3_FIPS_2025_09,
	awsapigateway.SecurityPolicy_TLS_1_2,
}

func tlsPolicyNames() string {
	var names []string
	for _, policy := range tlsPolicies {
		names = append(names, string(policy))
	}
	return strings.Join(names, ", ")
}

var basePathRE = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// isBasePath reports whether s is a base path. The empty string means the root,
// and API Gateway takes at most 300 characters.
func isBasePath(s string) bool { return s == "" || len(s) <= 300 && basePathRE.MatchString(s) }

func covers(zone, name string) bool {
	return isToken(zone) || name == zone || strings.HasSuffix(name, "."+zone)
}

// isHostName reports whether s is a lower-case DNS name of two labels or more.
func isHostName(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if !labelRE.MatchString(label) {
			return false
		}
	}
	return len(labels) > 1 && len(s) <= 253
}

// useDomain puts the domain into the properties of the API.
func (h *TokenHandler) useDomain(props *awsapigateway.RestApiProps) {
	d := h.props.Domain
	if d == nil {
		return
	}
	// "DisableExecuteApiEndpoint: To require that clients use a custom domain
	// name to invoke the API, disable the default endpoint" (Amazon API Gateway
	// Developer Guide).
	props.DisableExecuteApiEndpoint = jsii.Bool(true)
	if d.Existing != nil {
		return
	}
	certificate := d.Certificate
	if certificate == nil {
		certificate = awscertificatemanager.NewCertificate(h, jsii.String("Certificate"), &awscertificatemanager.CertificateProps{
			DomainName: jsii.String(d.Name),
			Validation: awscertificatemanager.CertificateValidation_FromDns(d.HostedZone),
		})
	}
	props.DomainName = &awsapigateway.DomainNameOptions{
		DomainName:     jsii.String(d.Name),
		Certificate:    certificate,
		EndpointType:   awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy: d.TLSPolicy,
	}
	if d.TLSPolicy != awsapigateway.SecurityPolicy_TLS_1_2 {
		// "you must specify" it "when using enhanced security policies" (CDK,
		// DomainNameOptions); TLS_1_2 is a legacy one.
		props.DomainName.EndpointAccessMode = awsapigateway.EndpointAccessMode_STRICT
	}
	if d.BasePath != "" {
		props.DomainName.BasePath = jsii.String(d.BasePath)
	}
}

// mapDomain puts the API on an existing domain name.
func (h *TokenHandler) mapDomain() {
	d := h.props.Domain
	if d == nil || d.Existing == nil {
		return
	}
	props := &awsapigateway.BasePathMappingProps{DomainName: d.Existing, RestApi: h.API, Stage: h.API.DeploymentStage()}
	if d.BasePath != "" {
		props.BasePath = jsii.String(d.BasePath)
	}
	awsapigateway.NewBasePathMapping(h, jsii.String("BasePathMapping"), props)
}

// addRecords makes the API's name known.
func (h *TokenHandler) addRecords() {
	d := h.props.Domain
	if d == nil || d.Existing != nil {
		return
	}
	if h.props.DualStack {
		// CDK has no property for it.
		name := h.API.DomainName().Node().DefaultChild().(awsapigateway.CfnDomainName)
		name.AddPropertyOverride(jsii.String("EndpointConfiguration.IpAddressType"), "dualstack")
	}
	if d.HostedZone == nil {
		return
	}
	target := awsroute53.RecordTarget_FromAlias(awsroute53targets.NewApiGateway(h.API))
	props := awsroute53.ARecordProps{Zone: d.HostedZone, RecordName: jsii.String(d.Name + "."), Target: target}
	if d.Latency != "" {
		props.SetIdentifier, props.Region = jsii.String(d.Latency), awscdk.Stack_Of(h).Region()
	}
	awsroute53.NewARecord(h, jsii.String("Record"), &props)
	if h.props.DualStack {
		awsroute53.NewAaaaRecord(h, jsii.String("RecordV6"), &awsroute53.AaaaRecordProps{
			Zone: props.Zone, RecordName: props.RecordName, Target: target, SetIdentifier: props.SetIdentifier, Region: props.Region})
	}
}
