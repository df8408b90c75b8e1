package tokenhandler

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Operation is how a token handler runs. The zero value is the default.
type Operation struct {
	Authorizer FunctionOptions `prefix:"authorizer"`
	Agent      FunctionOptions `prefix:"agent"`

	// LogRetention of the log groups that are made. Default: one month.
	LogRetention awslogs.RetentionDays `json:"logRetentionDays" default:"ONE_MONTH"`

	// AccessLogs writes a line of JSON per request: the user (principalId, a
	// subject or an opaque id), the request and the result, and never a token.
	// The account needs a role for API Gateway's logs, once per account and
	// region (AWS::ApiGateway::Account), or the deployment fails. The construct
	// does not make that role, because it belongs to the whole account. Not
	// with a given API.
	AccessLogs bool `json:"accessLogs"`
	// AccessLogGroup takes the access logs. Nil: one is made.
	AccessLogGroup awslogs.ILogGroup

	// Tracing switches X-Ray on for the functions, and for the stage unless
	// the API is given. X-Ray knows no resources: the functions' roles get
	// their only permissions on "*". Off by default.
	Tracing bool `json:"tracing"`

	// Metrics is MetricsEMF (the default) or MetricsNone: whether the functions
	// write decisions by code, requests by endpoint and code, and latencies to
	// their logs in the CloudWatch embedded metric format. AWS charges for
	// custom metrics: docs/operations.md. AddAlarms and AddDashboard need them.
	// A given LogGroup must be of the standard class: of others, CloudWatch
	// makes no metrics.
	Metrics string `json:"metrics" default:"emf"`

	// RateLimit is how many requests per second the whole stage accepts. The
	// default keeps one API from using up the limit that all APIs of the account
	// share, 10,000. Not with a given API.
	RateLimit int `json:"rateLimit" default:"1000"`
	// BurstLimit is how many requests the stage accepts at once; all APIs of the
	// account share 5,000. Not with a given API.
	BurstLimit int `json:"burstLimit" default:"500"`

	// WebACL is the ARN of a regional AWS WAF web ACL for the stage. Not with a
	// given API.
	WebACL string `json:"webAcl"`

	// RemovalPolicy of the keys, secrets, tables and log groups that are made. The
	// default keeps them when the stack is deleted and removes them when the
	// deployment that creates them fails, so that the next try finds no secret
	// with its name.
	RemovalPolicy awscdk.RemovalPolicy `json:"removalPolicy" default:"RETAIN_ON_UPDATE_OR_DELETE"`
}

// FunctionOptions are of one of the two Lambdas.
type FunctionOptions struct {
	// MemorySize in MB. Default: 256.
	MemorySize int `json:"Memory" default:"256"`
	// ReservedConcurrency is the maximum of concurrent executions. Other
	// functions of the account cannot use reserved concurrency. 0: no limit.
	ReservedConcurrency int `json:"ReservedConcurrency"`
	// ProvisionedConcurrency is how many are kept warm, behind an alias "live".
	ProvisionedConcurrency int `json:"ProvisionedConcurrency"`
	// LogGroup takes the logs. Nil: one is made.
	LogGroup awslogs.ILogGroup
}

// Values of Operation.Metrics.
const (
	MetricsEMF  = settings.MetricsEMF
	MetricsNone = settings.MetricsNone
)

const accessLogsID = "AccessLogs"

// Defaults of [Operation].
const (
	DefaultRateLimit  = 1000
	DefaultBurstLimit = 500
)

func checkOperation(c *settings.Checker, p *Props) {
	o := &p.Operation
	if p.API != nil {
		const owner = "cannot be combined with %s: it belongs to the stage of that API"
		c.Refuse(o.AccessLogs, &o.AccessLogs, owner, &p.API)
		c.Refuse(o.RateLimit != DefaultRateLimit, &o.RateLimit, owner, &p.API)
		c.Refuse(o.BurstLimit != DefaultBurstLimit, &o.BurstLimit, owner, &p.API)
		c.Refuse(o.WebACL != "", &o.WebACL, owner, &p.API)
	}
	c.Refuse(o.AccessLogGroup != nil && !o.AccessLogs, &o.AccessLogGroup, "requires %s", &o.AccessLogs)
	c.Must(0 <= o.RateLimit && o.RateLimit <= 10_000, &o.RateLimit, "be at most 10000")
	c.Must(0 <= o.BurstLimit && o.BurstLimit <= 5_000, &o.BurstLimit, "be at most 5000")
	c.Must(o.WebACL == "" || strings.HasPrefix(o.WebACL, "arn:") && strings.Contains(o.WebACL, ":regional/webacl/"), &o.WebACL, "be the ARN of a regional web ACL")
	for _, f := range []*FunctionOptions{&o.Authorizer, &o.Agent} {
		c.Must(128 <= f.MemorySize && f.MemorySize <= 10_240, &f.MemorySize, "be 128 to 10240 (MB)")
		c.Must(f.ReservedConcurrency >= 0, &f.ReservedConcurrency, "not be negative")
		c.Must(f.ProvisionedConcurrency >= 0, &f.ProvisionedConcurrency, "not be negative")
		c.Must(f.ReservedConcurrency <= 0 || f.ProvisionedConcurrency <= f.ReservedConcurrency, &f.ProvisionedConcurrency, "be at most %s", &f.ReservedConcurrency)
	}
}

// options are those of the function with an id.
func (o Operation) options(id string) FunctionOptions {
	switch id {
	case "AgentFunction":
		return o.Agent
	case "AuthorizerFunction":
		return o.Authorizer
	}
	return FunctionOptions{MemorySize: 128}
}

// logGroup takes the given log group or makes one, encrypted if the key's
// policy is ours to write.
func (h *TokenHandler) logGroup(id string, given awslogs.ILogGroup) awslogs.ILogGroup {
	if given != nil {
		h.checkLogClass(id, given)
		return given
	}
	props := &awslogs.LogGroupProps{Retention: h.props.Operation.LogRetention}
	if h.props.KMSKey == nil {
		props.EncryptionKey = h.KMSKey
	}
	return kept(h, awslogs.NewLogGroup(h, jsii.String(id), props))
}

// checkLogClass refuses a log group of this app whose class has no metrics: "The
// Infrequent Access log class offers a subset of the Standard log class
// features", without "embedded metric format" (Amazon CloudWatch Logs User
// Guide, "Log classes"). The class of an imported log group is not known.
func (h *TokenHandler) checkLogClass(id string, given awslogs.ILogGroup) {
	made, ok := given.Node().DefaultChild().(awslogs.CfnLogGroup)
	if !ok || h.props.Operation.Metrics == MetricsNone || id == accessLogsID || made.LogGroupClass() == nil {
		return
	}
	if class := *made.LogGroupClass(); class != string(awslogs.LogGroupClass_STANDARD) && !isToken(class) {
		misuse("Props.Operation: log group %s must be of class STANDARD, got %s: CloudWatch extracts no metrics from it. Set Operation.Metrics to %s to keep that class",
			*given.Node().Path(), class, MetricsNone)
	}
}

// allowLogs lets CloudWatch Logs use the key for the account's log groups of
// this region: "the service principal of the CloudWatch service for each
// Region" and the condition on the encryption context are those of Amazon
// CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS
// KMS".
func (h *TokenHandler) allowLogs(key awskms.Key) {
	stack := awscdk.Stack_Of(h)
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Logs"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("logs."+*stack.Region()+"."+*stack.UrlSuffix()), nil)},
		Actions:    jsii.Strings("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
		Resources:  jsii.Strings("*"), // of a key's policy: the key
		Conditions: &map[string]any{"ArnLike": map[string]any{
			"kms:EncryptionContext:aws:logs:arn": stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: jsii.String("*"),
				ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			}),
		}},
	}), nil)
}

// warm returns the invoked resource of a function: the function itself, or an
// alias with provisioned concurrency.
func (h *TokenHandler) warm(id string, function awslambda.Function) awslambda.IFunction {
	n := h.props.Operation.options(id).ProvisionedConcurrency
	if n == 0 {
		return function
	}
	return awslambda.NewAlias(h, jsii.String(id+"Live"), &awslambda.AliasProps{
		AliasName:                       jsii.String("live"),
		Version:                         function.CurrentVersion(),
		ProvisionedConcurrentExecutions: jsii.Number(n),
	})
}

// stageOptions are those of the stage of an API that is made.
func (h *TokenHandler) stageOptions() *awsapigateway.StageOptions {
	o := h.props.Operation
	options := &awsapigateway.StageOptions{
		StageName: jsii.String(h.props.StageName),
		// Data tracing logs the authorizer's result, which holds the token.
		DataTraceEnabled:     jsii.Bool(false),
		ThrottlingRateLimit:  jsii.Number(o.RateLimit),
		ThrottlingBurstLimit: jsii.Number(o.BurstLimit),
	}
	if o.Tracing {
		options.TracingEnabled = jsii.Bool(true)
	}
	if o.AccessLogs {
		group := h.logGroup(accessLogsID, o.AccessLogGroup)
		options.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(group)
		options.AccessLogFormat = awsapigateway.AccessLogFormat_Custom(jsii.String(accessLogFormat()))
	}
	return options
}

// accessLogFormat contains no text of a caller, because API Gateway does not
// escape variables in the line. For the same reason, and because paths name
// people and things, the path is the resource's template.
func accessLogFormat() string {
	raw, err := json.Marshal(map[string]string{
		"requestId":         "$context.requestId",
		"extendedRequestId": "$context.extendedRequestId",
		"time":              "$context.requestTimeEpoch",
		"ip":                "$context.identity.sourceIp",
		"method":            "$context.httpMethod",
		"resource":          "$context.resourcePath",
		"status":            "$context.status",
		"responseType":      "$context.error.responseType",
		"latency":           "$context.responseLatency",
		"integration":       "$context.integration.status",
		"integrationTime":   "$context.integration.latency",
		"authorizer":        "$context.authorizer.status",
		"authorizerTime":    "$context.authorizer.latency",
		"principal":         "$context.authorizer.principalId",
		"trace":             "$context.xrayTraceId",
	})
	if err != nil {
		panic("tokenhandler: internal error: " + err.Error())
	}
	return string(raw)
}

func (h *TokenHandler) addWebACL() {
	if arn := h.props.Operation.WebACL; arn != "" {
		awswafv2.NewCfnWebACLAssociation(h, jsii.String("WebACL"), &awswafv2.CfnWebACLAssociationProps{
			ResourceArn: h.API.DeploymentStage().StageArn(),
			WebAclArn:   jsii.String(arn),
		})
	}
}

// kept applies the removal policy to a resource that holds state. Every such
// resource of the construct needs it.
func kept[R awscdk.IResource](h *TokenHandler, r R) R {
	r.ApplyRemovalPolicy(h.props.Operation.RemovalPolicy)
	return r
}
