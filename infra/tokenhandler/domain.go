package tokenhandler

import (
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/jsii-runtime-go"
)

// Domain is the host name of the API that is made, for single page
// applications on another host of the same site. The API's own execute-api
// host is switched off then: sessions live on this host only.
type Domain struct {
	// Name such as api.example.com.
	Name string
	// Certificate for Name in the API's region. Nil: one is made and validated
	// through HostedZone.
	Certificate awscertificatemanager.ICertificate
	// HostedZone gets the records of Name. Nil: make them yourself, as an alias
	// of API.DomainName().
	HostedZone awsroute53.IHostedZone
	// Existing is a custom domain name that there is already, such as one of
	// several APIs: Name is that of it, and certificate, TLS policy and records are
	// its owner's. awsapigateway.DomainName_FromDomainNameAttributes makes one of
	// its attributes.
	Existing awsapigateway.IDomainName
	// BasePath is where on the host the API is, such as shop or shop/v2, without
	// slashes at its ends. Default: the root. The cookies are sent to the whole host
	// in any case.
	BasePath string
	// Latency makes the record one of several with the same name, of which
	// Route 53 answers with the region nearest to the browser. Its value names
	// this region's record. The regions share the key of [NewSessionKey].
	Latency string
}

func checkDomain(c Props) {
	d := c.Domain
	switch {
	case d == nil:
	case c.API != nil:
		misuse("Props.Domain is set with a given API: expected it at that API")
	case !isHostName(d.Name):
		misuse("Props.Domain.Name is %q: expected a host name such as api.example.com", d.Name)
	case !isBasePath(d.BasePath):
		misuse("Props.Domain.BasePath is %q: expected segments of letters, digits and ._- such as shop or shop/v2", d.BasePath)
	case d.Existing != nil && (d.Certificate != nil || d.HostedZone != nil || d.Latency != ""):
		misuse("Props.Domain has Existing with Certificate, HostedZone or Latency: expected them at that domain name")
	case d.Existing != nil && !isToken(*d.Existing.DomainName()) && *d.Existing.DomainName() != d.Name:
		misuse("Props.Domain.Name is %q: expected that of Existing, %s", d.Name, *d.Existing.DomainName())
	case d.Existing == nil && d.Certificate == nil && d.HostedZone == nil:
		misuse("Props.Domain has neither Certificate nor HostedZone: expected one of them, a certificate is validated through the zone")
	case d.HostedZone != nil && !covers(*d.HostedZone.ZoneName(), d.Name):
		misuse("Props.Domain.Name is %q: expected a name in the zone %s", d.Name, *d.HostedZone.ZoneName())
	case c.CookieDomain != "" && !isToken(c.CookieDomain) && !covers(c.CookieDomain, d.Name):
		misuse("Props.CookieDomain is %q: expected one that covers Props.Domain.Name %s, or browsers drop the cookies", c.CookieDomain, d.Name)
	case d.Latency != "" && d.HostedZone == nil:
		misuse("Props.Domain.Latency is set without HostedZone: expected the zone of the records")
	}
}

var basePathRE = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// isBasePath: "/" is said by nothing, and API Gateway takes at most 300
// characters.
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
		DomainName:   jsii.String(d.Name),
		Certificate:  certificate,
		EndpointType: awsapigateway.EndpointType_REGIONAL,
		// TLS 1.3, and 1.2 with forward secrecy only.
		SecurityPolicy:     awsapigateway.SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09,
		EndpointAccessMode: awsapigateway.EndpointAccessMode_STRICT,
	}
	if d.BasePath != "" {
		props.DomainName.BasePath = jsii.String(d.BasePath)
	}
}

// mapDomain puts the API on a domain name that there is already.
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
	if d == nil || d.HostedZone == nil {
		return
	}
	props := &awsroute53.ARecordProps{
		Zone:       d.HostedZone,
		RecordName: jsii.String(d.Name + "."),
		Target:     awsroute53.RecordTarget_FromAlias(awsroute53targets.NewApiGateway(h.API)),
	}
	if d.Latency != "" {
		props.SetIdentifier = jsii.String(d.Latency)
		props.Region = awscdk.Stack_Of(h).Region()
	}
	awsroute53.NewARecord(h, jsii.String("Record"), props)
}
