package template

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tokenhandler/aws/internal/partition"
)

// physicalID makes up an id of n lower-case letters and digits, the same on every run.
func (l *loader) physicalID(id string, n int) string {
	sum := sha256.Sum256([]byte(l.stack + "/" + id))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:n]
}

func (l *loader) arn(service, rest string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", l.opts.Partition, service, l.opts.Region, l.opts.AccountID, rest)
}

// ref is the value of {"Ref": id}.
func (l *loader) ref(id string, depth int) (any, error) {
	switch id {
	case "AWS::Region":
		return l.opts.Region, nil
	case "AWS::AccountId":
		return l.opts.AccountID, nil
	case "AWS::Partition":
		return l.opts.Partition, nil
	case "AWS::URLSuffix":
		return partition.Suffix(l.opts.Partition)
	case "AWS::StackName":
		return l.stack, nil
	case "AWS::StackId":
		return l.arn("cloudformation", "stack/"+l.stack+"/"+l.physicalID("stack", 12)), nil
	}
	if p, ok := l.Parameters[id]; ok {
		return l.parameter(id, p)
	}
	r, ok := l.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Ref %s: no such resource, parameter or pseudo parameter (or its condition is false)", id)
	}
	switch r.Type {
	case "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api":
		return l.physicalID(id, 10), nil
	case "AWS::ApiGateway::Model":
		if name := r.Properties["Name"]; name != nil {
			return l.text(name, depth)
		}
	case "AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage":
		return l.text(r.Properties["StageName"], depth)
	case "AWS::ApiGatewayV2::DomainName":
		return l.text(r.Properties["DomainName"], depth)
	case "AWS::Lambda::Function":
		if name := r.Properties["FunctionName"]; name != nil {
			return l.text(name, depth)
		}
		return id, nil
	case "AWS::DynamoDB::Table":
		if name := r.Properties["TableName"]; name != nil {
			return l.text(name, depth)
		}
		return id, nil
	case "AWS::SecretsManager::Secret":
		name, err := l.secretName(r, depth)
		if err != nil {
			return nil, err
		}
		return l.arn("secretsmanager", "secret:"+name+"-"+l.physicalID(id, 6)), nil
	case "AWS::KMS::Key":
		sum := sha256.Sum256([]byte(l.stack + "/" + id))
		h := hex.EncodeToString(sum[:])
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32], nil
	}
	if strings.HasPrefix(r.Type, "AWS::ApiGateway::") || strings.HasPrefix(r.Type, "AWS::ApiGatewayV2::") {
		return l.physicalID(id, 6), nil
	}
	return id, nil
}

func (l *loader) parameter(id string, p map[string]any) (any, error) {
	if v, ok := l.opts.Parameters[id]; ok {
		return v, nil
	}
	typ, _ := p["Type"].(string)
	if strings.HasPrefix(typ, "AWS::SSM::") {
		return nil, fmt.Errorf("parameter %s is an SSM parameter, which is not implemented: give its value", id)
	}
	if v, ok := p["Default"]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("parameter %s has no default and no value was given", id)
}

// getAtt is the value of {"Fn::GetAtt": [id, attr]}.
func (l *loader) getAtt(id, attr string, depth int) (any, error) {
	r, ok := l.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Fn::GetAtt %s.%s: no such resource (or its condition is false)", id, attr)
	}
	self, err := l.ref(id, depth)
	if err != nil {
		return nil, err
	}
	switch r.Type + "." + attr {
	case "AWS::ApiGateway::RestApi.RootResourceId":
		return l.physicalID(id+"/root", 10), nil
	case "AWS::ApiGateway::RestApi.RestApiId", "AWS::ApiGateway::Resource.ResourceId", "AWS::ApiGateway::Deployment.DeploymentId",
		"AWS::ApiGateway::Authorizer.AuthorizerId", "AWS::ApiGatewayV2::Api.ApiId", "AWS::ApiGatewayV2::Route.RouteId",
		"AWS::ApiGatewayV2::Integration.IntegrationId", "AWS::ApiGatewayV2::Authorizer.AuthorizerId",
		"AWS::ApiGatewayV2::Deployment.DeploymentId", "AWS::SecretsManager::Secret.Id", "AWS::KMS::Key.KeyId":
		return self, nil
	case "AWS::ApiGatewayV2::Api.ApiEndpoint":
		host, err := l.executeAPI(self.(string))
		if l.Resources[id].Properties["ProtocolType"] == "HTTP" {
			return "https://" + host, err
		}
		return "wss://" + host, err
	case "AWS::Lambda::Function.Arn":
		return l.arn("lambda", fmt.Sprintf("function:%s", self)), nil
	case "AWS::DynamoDB::Table.Arn":
		return l.arn("dynamodb", fmt.Sprintf("table/%s", self)), nil
	case "AWS::KMS::Key.Arn":
		return l.arn("kms", fmt.Sprintf("key/%s", self)), nil
	case "AWS::IAM::Role.Arn":
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", l.opts.Partition, l.opts.AccountID, id), nil
	case "AWS::Logs::LogGroup.Arn":
		return l.arn("logs", fmt.Sprintf("log-group:%s:*", self)), nil
	}
	if attr == "Arn" {
		parts := strings.Split(r.Type, "::")
		return l.arn(strings.ToLower(parts[min(1, len(parts)-1)]), id), nil
	}
	return nil, fmt.Errorf("Fn::GetAtt %s.%s: attribute %s of %s has no local value", id, attr, attr, r.Type)
}
