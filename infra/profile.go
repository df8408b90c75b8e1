package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// host is a host name with its certificate and zone, as cdk.json writes it.
type host struct {
	Name           string   `json:"name"`
	CertificateARN string   `json:"certificateArn"`
	HostedZoneID   string   `json:"hostedZoneId"`
	HostedZoneName string   `json:"hostedZoneName"`
	Latency        string   `json:"latency"`  // of domain: name of this region's record
	Existing       bool     `json:"existing"` // of domain: there is such a custom domain name already
	BasePath       string   `json:"basePath"` // of domain: where on the host the API is
	APIPaths       []string `json:"apiPaths"` // of site
	ContentPolicy  string   `json:"contentSecurityPolicy"`
	WebACL         string   `json:"webAcl"` // of site, in us-east-1
}

// operation is a tokenhandler.Operation as cdk.json writes it, and what
// belongs to it.
type operation struct {
	AccessLogs            bool              `json:"accessLogs"`
	AccountLoggingRole    bool              `json:"accountLoggingRole"` // make the account's role for API Gateway's logs
	Tracing               bool              `json:"tracing"`
	Metrics               string            `json:"metrics"` // emf (the default) or none
	LogRetentionDays      int               `json:"logRetentionDays"`
	RateLimit             int               `json:"rateLimit"`
	BurstLimit            int               `json:"burstLimit"`
	WebACL                string            `json:"webAcl"`
	RemovalPolicy         string            `json:"removalPolicy"` // retain (the default) or destroy
	AuthorizerMemory      int               `json:"authorizerMemory"`
	AuthorizerReserved    int               `json:"authorizerReservedConcurrency"`
	AuthorizerProvisioned int               `json:"authorizerProvisionedConcurrency"`
	AgentMemory           int               `json:"agentMemory"`
	AgentReserved         int               `json:"agentReservedConcurrency"`
	AgentProvisioned      int               `json:"agentProvisionedConcurrency"`
	Alarms                bool              `json:"alarms"`
	AlarmTopic            string            `json:"alarmTopicArn"`
	Dashboard             bool              `json:"dashboard"`
	Tags                  map[string]string `json:"tags"`
}

func (s stage) checkProfile() error {
	if s.Domain != nil && s.Site != nil {
		return errors.New("domain and site are both set: expected domain for an API on its own host, or site for API and application on one host")
	}
	for name, h := range map[string]*host{"domain": s.Domain, "site": s.Site} {
		switch {
		case h == nil:
		case (h.HostedZoneID == "") != (h.HostedZoneName == ""):
			return fmt.Errorf("%s: hostedZoneId and hostedZoneName: expected both or neither", name)
		case h.CertificateARN != "" && !strings.HasPrefix(h.CertificateARN, "arn:"):
			return fmt.Errorf("%s: certificateArn is %q: expected an ARN", name, h.CertificateARN)
		}
	}
	if s.Domain != nil && (len(s.Domain.APIPaths) > 0 || s.Domain.ContentPolicy != "" || s.Domain.WebACL != "") {
		return errors.New("domain has apiPaths, contentSecurityPolicy or webAcl: expected them of site; operation.webAcl is for the API")
	}
	if s.Site != nil && (s.Site.Latency != "" || s.Site.Existing || s.Site.BasePath != "") {
		return errors.New("site has latency, existing or basePath: expected them of domain")
	}
	if len(s.SessionKeyReplicas) > 0 && s.SessionKeyName == "" {
		return errors.New("sessionKeyReplicas is set without sessionKeyName: expected the name the regions find the secret by")
	}
	o := s.Operation
	switch o.RemovalPolicy {
	case "", "retain", "destroy":
	default:
		return fmt.Errorf("operation.removalPolicy is %q: expected retain or destroy", o.RemovalPolicy)
	}
	if _, ok := retentions[o.LogRetentionDays]; !ok {
		return fmt.Errorf("operation.logRetentionDays is %d: expected one of 7, 14, 30, 60, 90, 180, 365, 400, 731", o.LogRetentionDays)
	}
	if o.AlarmTopic != "" && (!o.Alarms || !strings.HasPrefix(o.AlarmTopic, "arn:")) {
		return fmt.Errorf("operation.alarmTopicArn is %q: expected the ARN of a topic, and operation.alarms", o.AlarmTopic)
	}
	if o.AccountLoggingRole && !o.AccessLogs {
		return errors.New("operation.accountLoggingRole is set without operation.accessLogs: expected both")
	}
	if o.Metrics != "" && o.Metrics != tokenhandler.MetricsEMF && o.Metrics != tokenhandler.MetricsNone {
		return fmt.Errorf("operation.metrics is %q: expected emf or none", o.Metrics)
	}
	if (o.Alarms || o.Dashboard) && o.Metrics == tokenhandler.MetricsNone {
		return errors.New("operation.metrics is none: expected emf with operation.alarms or operation.dashboard, which show them")
	}
	return nil
}

var retentions = map[int]awslogs.RetentionDays{
	0: "", 7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS,
	365: awslogs.RetentionDays_ONE_YEAR, 400: awslogs.RetentionDays_THIRTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
}

func (o operation) construct() tokenhandler.Operation {
	policy := awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	if o.RemovalPolicy == "destroy" {
		policy = awscdk.RemovalPolicy_DESTROY
	}
	return tokenhandler.Operation{
		Authorizer: tokenhandler.FunctionOptions{MemorySize: o.AuthorizerMemory,
			ReservedConcurrency: o.AuthorizerReserved, ProvisionedConcurrency: o.AuthorizerProvisioned},
		Agent: tokenhandler.FunctionOptions{MemorySize: o.AgentMemory,
			ReservedConcurrency: o.AgentReserved, ProvisionedConcurrency: o.AgentProvisioned},
		LogRetention:  retentions[o.LogRetentionDays],
		AccessLogs:    o.AccessLogs,
		Tracing:       o.Tracing,
		Metrics:       o.Metrics,
		RateLimit:     o.RateLimit,
		BurstLimit:    o.BurstLimit,
		WebACL:        o.WebACL,
		RemovalPolicy: policy,
	}
}

func (h *host) zone(scope constructs.Construct) awsroute53.IHostedZone {
	if h.HostedZoneID == "" {
		return nil
	}
	return awsroute53.HostedZone_FromHostedZoneAttributes(scope, jsii.String("HostedZone"), &awsroute53.HostedZoneAttributes{
		HostedZoneId: jsii.String(h.HostedZoneID), ZoneName: jsii.String(h.HostedZoneName),
	})
}

func (h *host) certificate(scope constructs.Construct) awscertificatemanager.ICertificate {
	if h.CertificateARN == "" {
		return nil
	}
	return awscertificatemanager.Certificate_FromCertificateArn(scope, jsii.String("GivenCertificate"), jsii.String(h.CertificateARN))
}

func (s stage) domain(scope constructs.Construct) *tokenhandler.Domain {
	if s.Domain == nil {
		return nil
	}
	d := &tokenhandler.Domain{Name: s.Domain.Name, Certificate: s.Domain.certificate(scope), HostedZone: s.Domain.zone(scope),
		Latency: s.Domain.Latency, BasePath: s.Domain.BasePath}
	if s.Domain.Existing {
		// Its target is of use for records only, which are its owner's.
		unknown := jsii.String("unknown")
		d.Existing = awsapigateway.DomainName_FromDomainNameAttributes(scope, jsii.String("ExistingDomain"), &awsapigateway.DomainNameAttributes{
			DomainName: jsii.String(s.Domain.Name), DomainNameAliasTarget: unknown, DomainNameAliasHostedZoneId: unknown})
	}
	return d
}

// sessionKey is the secret with the key of the cookies that regions share; nil:
// the token handler makes its own.
func (s stage) sessionKey(scope constructs.Construct) awssecretsmanager.ISecret {
	switch key := s.sessionKeyKeys[s.Region]; {
	case len(s.SessionKeyReplicas) == 0 && key != nil:
		return awssecretsmanager.Secret_FromSecretAttributes(scope, jsii.String("GivenSessionKey"), &awssecretsmanager.SecretAttributes{
			SecretPartialArn: awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("secretsmanager"),
				Resource: jsii.String("secret"), ResourceName: jsii.String(s.SessionKeyName), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME}),
			EncryptionKey: key,
		})
	case len(s.SessionKeyReplicas) == 0:
		return givenSecret(scope, "GivenSessionKey", s.SessionKeyName)
	}
	return tokenhandler.NewSessionKey(scope, "SessionKey", &tokenhandler.SessionKeyProps{
		Name: s.SessionKeyName, ReplicaRegions: s.SessionKeyReplicas,
		EncryptionKey: s.sessionKeyKeys[s.Region], ReplicaKeys: s.sessionKeyKeys, RemovalPolicy: s.Operation.construct().RemovalPolicy,
	})
}

// complete adds what stands around a token handler.
func (s stage) complete(stack awscdk.Stack, handler *tokenhandler.TokenHandler) {
	if s.Site != nil {
		site := tokenhandler.NewSite(stack, "Site", &tokenhandler.SiteProps{
			Handler: handler, Name: s.Site.Name, Certificate: s.Site.certificate(stack), HostedZone: s.Site.zone(stack),
			APIPaths: s.Site.APIPaths, ContentSecurityPolicy: s.Site.ContentPolicy, WebACL: s.Site.WebACL,
		})
		output(stack, "SiteBucket", "Bucket of the application's files", site.Bucket.BucketName())
		output(stack, "SiteDistribution", "Distribution to invalidate after an upload", site.Distribution.DistributionId())
		output(stack, "SiteHost", "CloudFront's own host, for records made elsewhere", site.Distribution.DistributionDomainName())
	}
	if s.Operation.Alarms {
		alarms := tokenhandler.Alarms{}
		if s.Operation.AlarmTopic != "" {
			alarms.Topic = awssns.Topic_FromTopicArn(stack, jsii.String("AlarmTopic"), jsii.String(s.Operation.AlarmTopic))
		}
		handler.AddAlarms(alarms)
	}
	if s.Operation.Dashboard {
		handler.AddDashboard()
	}
	if s.Operation.AccountLoggingRole {
		addAccountLoggingRole(stack, handler.API)
	}
	s.tag(stack)
}

func (s stage) tag(stack awscdk.Stack) {
	for _, name := range sortedKeys(s.Operation.Tags) {
		awscdk.Tags_Of(stack).Add(jsii.String(name), jsii.String(s.Operation.Tags[name]), nil)
	}
}

// addAccountLoggingRole makes the role with which API Gateway writes the logs
// of every API of the account and region. It stays when the stack goes, since
// others may use it by then.
func addAccountLoggingRole(stack awscdk.Stack, api awsapigateway.RestApi) {
	role := awsiam.NewRole(stack, jsii.String("ApiGatewayLogs"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs")),
		},
	})
	account := awsapigateway.NewCfnAccount(stack, jsii.String("ApiGatewayAccount"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE)
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, nil)
	api.DeploymentStage().Node().AddDependency(account)
}
