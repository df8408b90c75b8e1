package tokenhandler

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// SiteProps configure a [Site].
type SiteProps struct {
	// Handler is the token handler whose API is served. Its Props.Domain must
	// be nil.
	Handler *TokenHandler `json:"-"`

	// Name is the site's host, such as www.example.com. https://<Name> must be
	// among the handler's trusted origins.
	Name string `json:"name"`
	// Certificate for Name, in us-east-1: CloudFront takes them from there.
	Certificate awscertificatemanager.ICertificate `json:"certificateArn"`
	// HostedZone gets the records of Name. Nil: make them yourself.
	HostedZone awsroute53.IHostedZone `json:"hostedZoneId" with:"hostedZoneName"`

	// APIPaths are the paths of the API besides the agent's, such as /api/*;
	// everything else is the application's. Every route must be below one of
	// them. Default: /api/*.
	APIPaths []string `json:"apiPaths"`

	// ContentSecurityPolicy of the application. Default: everything from the
	// site itself, no inline scripts or styles, no frames, no forms.
	ContentSecurityPolicy string `json:"contentSecurityPolicy"`

	// WebACL is the ARN of an AWS WAF web ACL for CloudFront (us-east-1). The API
	// then needs a web ACL of its own, Props.Operation.WebACL: it also answers at
	// its execute-api host, which the site's web ACL does not protect.
	WebACL string `json:"webAcl"`
	// LogBucket takes CloudFront's access logs. They contain no cookies. Nil:
	// no logs.
	LogBucket awss3.IBucket `json:"logBucket"`
}

// DefaultContentSecurityPolicy is that of a [Site].
const DefaultContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Site serves a single page application and its API on one host: CloudFront in
// front of a private bucket and of the API. Pages and API have the same origin,
// so that CORS is not needed and routes may be Transparent.
//
// The build of the application puts its files into Bucket. The distribution
// serves /index.html for a path without a dot in its last segment, so that
// links into the application work.
//
// The API also responds at its execute-api host, without a session: browsers
// send the __Host- cookies to the site only. See [SiteProps].WebACL.
type Site struct {
	constructs.Construct

	Bucket       awss3.Bucket
	Distribution awscloudfront.Distribution

	handler  *TokenHandler
	apiPaths []string
}

// NewSite makes a site below scope, in the handler's stack.
func NewSite(scope constructs.Construct, id string, props *SiteProps) *Site {
	p := checkedSite(props)
	s := &Site{handler: p.Handler, apiPaths: p.APIPaths}
	constructs.NewConstruct_Override(s, scope, &id)
	s.Node().AddValidation(s)

	p.Handler.trustOwnHost()
	policy := p.Handler.props.Operation.RemovalPolicy
	s.Bucket = awss3.NewBucket(s, jsii.String("Bucket"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Versioned:         jsii.Bool(true),
		RemovalPolicy:     policy,
		// CloudFormation deletes no bucket that has objects.
		AutoDeleteObjects: jsii.Bool(policy == awscdk.RemovalPolicy_DESTROY),
	})
	s.addDistribution(p)
	if p.HostedZone != nil {
		target := awsroute53.RecordTarget_FromAlias(awsroute53targets.NewCloudFrontTarget(s.Distribution))
		awsroute53.NewARecord(s, jsii.String("Record"), &awsroute53.ARecordProps{Zone: p.HostedZone, RecordName: jsii.String(p.Name + "."), Target: target})
		awsroute53.NewAaaaRecord(s, jsii.String("RecordV6"), &awsroute53.AaaaRecordProps{Zone: p.HostedZone, RecordName: jsii.String(p.Name + "."), Target: target})
	}
	return s
}

func (s *Site) addDistribution(p SiteProps) {
	api := &awscloudfront.BehaviorOptions{
		// The stage is part of the origin's path: the host is API Gateway's own.
		Origin: awscloudfrontorigins.NewRestApiOrigin(p.Handler.API, nil),
		// Every response belongs to one user.
		CachePolicy: awscloudfront.CachePolicy_CACHING_DISABLED(),
		// Cookies, Origin and the CSRF header go on. Host does not: API Gateway
		// finds the API by it.
		OriginRequestPolicy:   awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER(),
		AllowedMethods:        awscloudfront.AllowedMethods_ALLOW_ALL(),
		ViewerProtocolPolicy:  awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY,
		ResponseHeadersPolicy: s.headers("ApiHeaders", ""),
		Compress:              jsii.Bool(false), // BREACH: responses contain CSRF values
	}
	behaviors := map[string]*awscloudfront.BehaviorOptions{}
	for _, path := range append([]string{p.Handler.props.Application.AgentPath + "/*"}, p.APIPaths...) {
		behaviors[path] = api
	}
	props := &awscloudfront.DistributionProps{
		DomainNames:            jsii.Strings(p.Name),
		Certificate:            p.Certificate,
		DefaultRootObject:      jsii.String("index.html"),
		HttpVersion:            awscloudfront.HttpVersion_HTTP2_AND_3,
		MinimumProtocolVersion: awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2025,
		AdditionalBehaviors:    &behaviors,
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin:                awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(s.Bucket, nil),
			CachePolicy:           awscloudfront.CachePolicy_CACHING_OPTIMIZED(),
			AllowedMethods:        awscloudfront.AllowedMethods_ALLOW_GET_HEAD(),
			ViewerProtocolPolicy:  awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			ResponseHeadersPolicy: s.headers("PageHeaders", p.ContentSecurityPolicy),
			Compress:              jsii.Bool(true),
			FunctionAssociations: &[]*awscloudfront.FunctionAssociation{{
				EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST,
				Function: awscloudfront.NewFunction(s, jsii.String("Pages"), &awscloudfront.FunctionProps{
					Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
					Code:    awscloudfront.FunctionCode_FromInline(jsii.String(pages)),
				}),
			}},
		},
	}
	if p.WebACL != "" {
		props.WebAclId = jsii.String(p.WebACL)
	}
	if p.LogBucket != nil {
		props.EnableLogging, props.LogBucket, props.LogIncludesCookies = jsii.Bool(true), p.LogBucket, jsii.Bool(false)
	}
	s.Distribution = awscloudfront.NewDistribution(s, jsii.String("Distribution"), props)
}

// pages serves the application's page for links into the application. An error
// response of the distribution would also replace the API's 404.
const pages = `function handler(event) {
  var request = event.request;
  var last = request.uri.substring(request.uri.lastIndexOf('/') + 1);
  if (last.indexOf('.') === -1) {
    request.uri = '/index.html';
  }
  return request;
}`

// headers are the security headers of pages, or of the API without a policy
// for content.
func (s *Site) headers(id, content string) awscloudfront.ResponseHeadersPolicy {
	security := &awscloudfront.ResponseSecurityHeadersBehavior{
		ContentTypeOptions: &awscloudfront.ResponseHeadersContentTypeOptions{Override: jsii.Bool(true)},
		FrameOptions:       &awscloudfront.ResponseHeadersFrameOptions{FrameOption: awscloudfront.HeadersFrameOption_DENY, Override: jsii.Bool(true)},
		ReferrerPolicy:     &awscloudfront.ResponseHeadersReferrerPolicy{ReferrerPolicy: awscloudfront.HeadersReferrerPolicy_NO_REFERRER, Override: jsii.Bool(true)},
		StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{
			AccessControlMaxAge: awscdk.Duration_Days(jsii.Number(365)), IncludeSubdomains: jsii.Bool(false), Override: jsii.Bool(true)},
	}
	props := &awscloudfront.ResponseHeadersPolicyProps{SecurityHeadersBehavior: security}
	if content != "" {
		security.ContentSecurityPolicy = &awscloudfront.ResponseHeadersContentSecurityPolicy{ContentSecurityPolicy: jsii.String(content), Override: jsii.Bool(true)}
		custom := []*awscloudfront.ResponseCustomHeader{}
		for _, header := range [][2]string{
			{"Cross-Origin-Opener-Policy", "same-origin"},
			{"Cross-Origin-Resource-Policy", "same-origin"},
			{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
		} {
			custom = append(custom, &awscloudfront.ResponseCustomHeader{Header: jsii.String(header[0]), Value: jsii.String(header[1]), Override: jsii.Bool(true)})
		}
		props.CustomHeadersBehavior = &awscloudfront.ResponseCustomHeadersBehavior{CustomHeaders: &custom}
	}
	return awscloudfront.NewResponseHeadersPolicy(s, jsii.String(id), props)
}

// Validate implements constructs.IValidation. It refuses a route that the
// distribution does not pass on, because the distribution would serve the
// application's page.
func (s *Site) Validate() *[]*string {
	faults := []*string{}
	for _, route := range s.handler.routes {
		reached := slices.ContainsFunc(s.apiPaths, func(path string) bool {
			below, all := strings.CutSuffix(path, "*")
			return route == path || all && strings.HasPrefix(route, below)
		})
		if !reached {
			faults = append(faults, jsii.String("route "+route+" is not below SiteProps.APIPaths "+strings.Join(s.apiPaths, ", ")+": the distribution would not pass it on"))
		}
	}
	return &faults
}

func checkedSite(props *SiteProps) SiteProps {
	if props == nil || props.Handler == nil {
		misuse("SiteProps.Handler is nil: expected the token handler whose API is served")
	}
	p := *props
	if len(p.APIPaths) == 0 {
		p.APIPaths = []string{"/api/*"}
	}
	if p.ContentSecurityPolicy == "" {
		p.ContentSecurityPolicy = DefaultContentSecurityPolicy
	}
	h := p.Handler.props
	app, cookies := &h.Application, &h.Cookies
	c := settings.NewChecker(&p, &h)
	c.Opaque, c.ShowValues = isToken, true
	c.Must(isHostName(p.Name), &p.Name, "be a host name such as www.example.com")
	c.Must(slices.Contains(app.TrustedWebOrigins, "https://"+p.Name), &p.Name, "be the host of one of %s", &app.TrustedWebOrigins)
	c.Refuse(h.Domain != nil, &h.Domain, "cannot be combined with a site: the API is served on %s "+p.Name, &p.Name)
	c.Must(cookies.Domain == "" || covers(cookies.Domain, p.Name), &cookies.Domain, "cover %s "+p.Name+", or browsers drop the cookies", &p.Name)
	c.Must(cookies.BasePath == "" || cookies.BasePath == app.AgentPath, &cookies.BasePath, "be "+app.AgentPath+", where browsers reach the agent on a site, or they do not send the cookies there")
	c.Refuse(h.AuthorizerCaching.TTL != 0, &h.AuthorizerCaching.TTL, "cannot be combined with a site: browsers send no Origin with reads of a page on the API's own host")
	c.Refuse(p.Certificate == nil, &p.Certificate, "is missing: it must be a certificate for %s in us-east-1", &p.Name)
	if p.Certificate != nil {
		arn := *p.Certificate.CertificateArn()
		c.Refuse(!isToken(arn) && !strings.HasPrefix(arn, "arn:aws:acm:us-east-1:"), &p.Certificate, "must be one of us-east-1, where CloudFront takes certificates from, got "+arn)
	}
	if p.HostedZone != nil {
		zone := *p.HostedZone.ZoneName()
		c.Must(covers(zone, p.Name), &p.Name, "be in the zone "+zone)
	}
	for i := range p.APIPaths {
		c.Must(apiPathRE.MatchString(p.APIPaths[i]), &p.APIPaths[i], "be a path such as /api/*")
	}
	policy := p.ContentSecurityPolicy
	c.Refuse(strings.ContainsAny(policy, "\r\n"), &p.ContentSecurityPolicy, "must not have a line break")
	c.Refuse(strings.Contains(policy, "'unsafe-inline'"), &p.ContentSecurityPolicy, "must not allow 'unsafe-inline'")
	c.Must(p.WebACL == "" || strings.Contains(p.WebACL, ":global/webacl/"), &p.WebACL, "be the ARN of a web ACL for CloudFront, of us-east-1")
	// The rules find this for a given API in the template.
	c.Refuse(p.WebACL != "" && h.API == nil && h.Operation.WebACL == "", &p.WebACL, "requires %s: the API also answers at its execute-api host, where the site's web ACL does not apply; "+
		"give the API a regional web ACL with the same rules, or one that demands a secret header which the distribution adds", &h.Operation.WebACL)
	refuse(c.Faults())
	return p
}
