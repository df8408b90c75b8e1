package template

import (
	"encoding/json"
	"maps"
	"slices"
)

// rule lists the properties of a type that are read, and those that make no difference to a local request. Any other
// property is refused unless it is empty, zero or false.
type rule struct{ used, ignored []string }

var types = map[string]*rule{
	"AWS::ApiGateway::RestApi": {
		used: []string{"Name", "BinaryMediaTypes", "EndpointConfiguration"},
		ignored: []string{"Description", "Tags", "DisableExecuteApiEndpoint", "FailOnWarnings", "SecurityPolicy",
			"EndpointAccessMode"},
	},
	"AWS::ApiGateway::Resource": {used: []string{"ParentId", "PathPart", "RestApiId"}},
	"AWS::ApiGateway::Method": {
		used: []string{"HttpMethod", "ResourceId", "RestApiId", "AuthorizationType", "AuthorizerId", "Integration",
			"MethodResponses", "RequestParameters", "RequestModels", "RequestValidatorId"},
		ignored: []string{"OperationName"},
	},
	"AWS::ApiGateway::Method Integration": {
		used: []string{"Type", "IntegrationHttpMethod", "Uri", "IntegrationResponses", "PassthroughBehavior",
			"RequestParameters", "RequestTemplates", "TimeoutInMillis", "ConnectionType", "ResponseTransferMode"},
		ignored: []string{"ConnectionId", "IntegrationTarget"}, // of a ConnectionType that is refused
	},
	"AWS::ApiGateway::Method IntegrationResponse": {
		used: []string{"StatusCode", "SelectionPattern", "ResponseParameters", "ResponseTemplates"},
	},
	"AWS::ApiGateway::Method MethodResponse": {
		used:    []string{"StatusCode", "ResponseParameters"},
		ignored: []string{"ResponseModels"},
	},
	"AWS::ApiGateway::RequestValidator": {
		used:    []string{"RestApiId", "ValidateRequestBody", "ValidateRequestParameters"},
		ignored: []string{"Name"},
	},
	"AWS::ApiGateway::Model": {
		used:    []string{"RestApiId", "ContentType", "Name", "Schema"},
		ignored: []string{"Description"},
	},
	"AWS::ApiGateway::Authorizer": {
		used:    []string{"Type", "AuthorizerUri", "IdentitySource", "AuthorizerResultTtlInSeconds", "Name", "RestApiId"},
		ignored: []string{"AuthType"},
	},
	"AWS::ApiGateway::Deployment": {used: []string{"RestApiId"}, ignored: []string{"Description"}},
	"AWS::ApiGateway::Stage": {
		used: []string{"RestApiId", "DeploymentId", "StageName", "Variables", "MethodSettings"},
		ignored: []string{"AccessLogSetting", "TracingEnabled", "Description", "DocumentationVersion", "Tags",
			"CacheClusterSize"},
	},
	"AWS::ApiGateway::Stage MethodSetting": {
		// Throttling is left to the account: a local run has no other callers.
		ignored: []string{"HttpMethod", "ResourcePath", "LoggingLevel", "MetricsEnabled", "DataTraceEnabled",
			"ThrottlingBurstLimit", "ThrottlingRateLimit", "CacheTtlInSeconds", "CacheDataEncrypted"},
	},
	"AWS::ApiGateway::GatewayResponse": {
		used: []string{"ResponseType", "StatusCode", "ResponseParameters", "ResponseTemplates", "RestApiId"},
	},
	"AWS::Lambda::Function": {
		used: []string{"Code", "Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "Environment", "FunctionName"},
		ignored: []string{"Role", "KmsKeyArn", "Description", "TracingConfig", "LoggingConfig", "Tags", "VpcConfig",
			"ReservedConcurrentExecutions", "EphemeralStorage", "RuntimeManagementConfig", "CodeSigningConfigArn",
			"DeadLetterConfig", "RecursiveLoop", "SnapStart", "PackageType", "Layers", "FileSystemConfigs", "ImageConfig"},
	},
	"AWS::Lambda::Permission": {
		used:    []string{"Action", "FunctionName", "Principal", "SourceArn", "SourceAccount"},
		ignored: []string{"FunctionUrlAuthType", "InvokedViaFunctionUrl"},
	},
	"AWS::SecretsManager::Secret": {
		used:    []string{"GenerateSecretString", "SecretString", "Name"},
		ignored: []string{"Description", "KmsKeyId", "Tags", "ReplicaRegions", "Type"},
	},
	"AWS::SecretsManager::RotationSchedule": {
		used:    []string{"SecretId", "RotationLambdaARN"},
		ignored: []string{"RotationRules", "RotateImmediatelyOnUpdate"},
	},
	"AWS::DynamoDB::Table": {
		used: []string{"TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode"},
		ignored: []string{"TimeToLiveSpecification", "SSESpecification", "PointInTimeRecoverySpecification",
			"DeletionProtectionEnabled", "Tags", "LocalSecondaryIndexes", "ProvisionedThroughput", "OnDemandThroughput",
			"WarmThroughput", "StreamSpecification", "KinesisStreamSpecification", "ContributorInsightsSpecification",
			"ResourcePolicy", "TableClass", "ImportSourceSpecification"},
	},
	"AWS::ApiGatewayV2::Api": {
		used:    []string{"Name", "ProtocolType", "RouteSelectionExpression", "DisableExecuteApiEndpoint"},
		ignored: []string{"Description", "Tags", "IpAddressType", "ApiKeySelectionExpression", "Version"},
	},
	"AWS::ApiGatewayV2::Stage": {
		used:    []string{"ApiId", "StageName", "StageVariables", "AutoDeploy", "DeploymentId"},
		ignored: []string{"AccessLogSettings", "DefaultRouteSettings", "RouteSettings", "Description", "Tags"},
	},
	"AWS::ApiGatewayV2::Deployment": {used: []string{"ApiId"}, ignored: []string{"Description", "StageName"}},
	"AWS::ApiGatewayV2::Route": {
		used: []string{"ApiId", "RouteKey", "AuthorizationType", "AuthorizerId", "Target",
			"RouteResponseSelectionExpression"},
		ignored: []string{"OperationName"},
	},
	"AWS::ApiGatewayV2::RouteResponse": {used: []string{"ApiId", "RouteId", "RouteResponseKey"}},
	"AWS::ApiGatewayV2::Integration": {
		used: []string{"ApiId", "IntegrationType", "IntegrationUri", "IntegrationMethod", "ConnectionType",
			"TimeoutInMillis"},
		ignored: []string{"Description", "PassthroughBehavior"}, // of a proxy: everything passes
	},
	"AWS::ApiGatewayV2::Authorizer": {used: []string{"ApiId", "AuthorizerType", "AuthorizerUri", "IdentitySource", "Name"}},
	"AWS::ApiGatewayV2::ApiMapping": {used: []string{"ApiId", "Stage", "ApiMappingKey"}, ignored: []string{"DomainName"}},
	// A custom domain with a base path would put a prefix into every path; locally the API is at its host's root.
	"AWS::ApiGateway::BasePathMapping": {ignored: []string{"DomainName", "RestApiId", "Stage"}},
}

// harmless types make no difference to how a request is answered on this machine.
var harmless = []string{
	"AWS::ApiGateway::Account", "AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName", "AWS::CDK::Metadata",
	"AWS::CertificateManager::Certificate",
	"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard", "AWS::IAM::ManagedPolicy",
	"AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias", "AWS::KMS::Key", "AWS::Logs::LogGroup",
	"AWS::Logs::MetricFilter", "AWS::Logs::SubscriptionFilter", "AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup",
	"AWS::SecretsManager::ResourcePolicy", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy",
}

func (l *loader) checkProperties(where string, r *rule, props map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !slices.Contains(r.used, name) && !slices.Contains(r.ignored, name) && !isEmpty(props[name]) {
			l.fail("%s: property %s is not implemented by the local gateway", where, name)
		}
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || v == "false"
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
