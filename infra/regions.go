package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// checkRegions refuses what does not go with several regions: what exists in
// one region only, and what would make a session of one no good in another.
func (s stage) checkRegions() error {
	if len(s.Regions) == 0 {
		return nil
	}
	for i, region := range s.Regions {
		if !regionRE.MatchString(region) || slices.Contains(s.Regions[:i], region) {
			return fmt.Errorf("regions[%d] is %q: expected names of AWS regions, such as eu-north-1, each once", i, region)
		}
	}
	switch {
	case len(s.Regions) == 1:
		return fmt.Errorf("regions is %q: expected two or more, or region for one", s.Regions)
	case s.Region != "":
		return errors.New("region is set: expected none with regions")
	case s.Account == "":
		return errors.New("account is missing: expected it with regions")
	case s.SessionKeyName == "":
		return errors.New("sessionKeyName is missing: expected the name under which all regions find the key of the cookies")
	case strings.HasPrefix(s.SessionKeyName, "arn:"):
		return errors.New("sessionKeyName is an ARN: expected a name with regions, the secret is made")
	case len(s.SessionKeyReplicas) > 0:
		return errors.New("sessionKeyReplicas is set: expected none with regions, of which it follows")
	case s.KeyRotation == elsewhere:
		return errors.New("keyRotation is elsewhere: expected days such as 30d with regions, the first rotates for all")
	case s.Site != nil:
		return errors.New("site is set: expected domain with regions, CloudFront stands in front of one API")
	case s.Domain == nil:
		return errors.New("domain is missing: expected it with regions, a session lives on one host")
	case s.Domain.Existing:
		return errors.New("domain.existing is true: expected none with regions, each makes its own")
	case s.Domain.Latency != "":
		return errors.New("domain.latency is set: expected none with regions, after which the records are named")
	case s.Domain.CertificateARN != "":
		return errors.New("domain.certificateArn is set: expected none with regions, each has a certificate of its own")
	case s.Domain.HostedZoneID == "":
		return errors.New("domain.hostedZoneId is missing: expected the zone of the regions' records")
	case s.Operation.WebACL != "":
		return errors.New("operation.webAcl is set: expected none with regions, a web ACL is of one region")
	case s.Operation.AlarmTopic != "":
		return errors.New("operation.alarmTopicArn is set: expected none with regions, a topic is of one region")
	case len(s.Clients) > 0:
		return errors.New("clients is set: expected none with regions")
	case s.ClientKMSKey != "" && !strings.Contains(s.ClientKMSKey, ":key/mrk-"):
		return errors.New("clientKmsKey is the key of one region: expected a multi-Region key (mrk-…) with regions, replicated to each")
	}
	for _, secret := range []struct{ field, name string }{
		{"clientSecretName", s.ClientSecretName}, {"clientPrivateKeySecretName", s.ClientPrivateKey}, {"introspectionClientSecretName", s.IntrospectionSecret},
		{"clientCertificateSecretName", s.ClientCertificate}, {"clientCertificateKeySecretName", s.ClientCertificateKey},
	} {
		if strings.HasPrefix(secret.name, "arn:") {
			return fmt.Errorf("%s is the ARN of one region: expected a name with regions, of a secret that is replicated to each", secret.field)
		}
	}
	provider := tokenhandler.Provider{Profile: s.Profile, Authentication: tokenhandler.Authentication{Method: s.ClientAuthentication}}
	if provider.NeedsSecret() && s.ClientSecretName == "" {
		return errors.New("clientSecretName is missing: expected it with regions, or each would generate a secret of its own")
	}
	return nil
}

// in is the stage in one of its regions.
func (s stage) in(region string) stage {
	s.Region, s.Regions, s.regional = region, nil, true
	domain := *s.Domain
	domain.Latency = region
	s.Domain = &domain
	if parts := strings.Split(s.ClientKMSKey, ":"); len(parts) > 3 {
		parts[3] = region // multi-Region keys have the same id everywhere
		s.ClientKMSKey = strings.Join(parts, ":")
	}
	return s
}

// newStacks makes the stacks of a stage: TokenHandler-<stage>, or with regions
//
//	TokenHandler-<stage>-SessionKey-<first>    a multi-Region KMS key
//	TokenHandler-<stage>-SessionKey-<others>   its replicas
//	TokenHandler-<stage>-<first>               a token handler, and the session key in Secrets Manager with its copies
//	TokenHandler-<stage>-<others>              token handlers that name the copies
//
// each deployed after those above it: a copy needs the replica to be encrypted
// with, a replica needs the key. It returns the stacks with a token handler.
func newStacks(scope constructs.Construct, s stage) []awscdk.Stack {
	if len(s.Regions) == 0 {
		return []awscdk.Stack{newStack(scope, s)}
	}
	keys := newSessionKeyKeys(scope, s)
	first := s.in(s.Regions[0])
	first.SessionKeyReplicas, first.sessionKeyKeys = s.Regions[1:], keys
	stacks := []awscdk.Stack{newStack(scope, first)}
	for _, region := range s.Regions[1:] {
		other := s.in(region)
		other.sessionKeyKeys = keys
		if s.KeyRotation != "" {
			other.KeyRotation = elsewhere
		}
		stack := newStack(scope, other)
		stack.AddStackDependency(stacks[0], jsii.String("the copy of the session key"))
		stacks = append(stacks, stack)
	}
	return stacks
}

// newSessionKeyKeys makes the KMS key of the session key's secret and its
// replicas, by region. They are in stacks of their own: between the token
// handlers' stacks they would have to be made in a circle.
func newSessionKeyKeys(scope constructs.Construct, s stage) map[string]awskms.IKey {
	stackOf := func(region string) awscdk.Stack {
		stack := awscdk.NewStack(scope, jsii.String("TokenHandler-"+s.name+"-SessionKey-"+region), &awscdk.StackProps{
			Description: jsii.String("KMS key of the session key of the token handlers of stage " + s.name),
			Env:         &awscdk.Environment{Account: jsii.String(s.Account), Region: jsii.String(region)},
		})
		s.tag(stack)
		return stack
	}
	const description = "Encrypts the session key of the token handlers"
	primary := awskms.NewKey(stackOf(s.Regions[0]), jsii.String("Key"), &awskms.KeyProps{
		Description: jsii.String(description), MultiRegion: jsii.Bool(true), EnableKeyRotation: jsii.Bool(true),
	})
	resource := primary.Node().DefaultChild().(awskms.CfnKey)
	// Fn::GetStackOutput, whatever the flags of cdk.json: the other form is a
	// Lambda that copies values between regions.
	resource.ApplyCrossStackReferenceStrength(awscdk.ReferenceStrength_WEAK)

	keys := map[string]awskms.IKey{s.Regions[0]: primary}
	for _, region := range s.Regions[1:] {
		stack := stackOf(region)
		replica := awskms.NewCfnReplicaKey(stack, jsii.String("Key"), &awskms.CfnReplicaKeyProps{
			Description:   jsii.String(description),
			PrimaryKeyArn: resource.AttrArn(), // not primary.KeyArn(), which CDK writes for one region only
			KeyPolicy:     replicaPolicy(stack),
		})
		replica.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, nil)
		replica.ApplyCrossStackReferenceStrength(awscdk.ReferenceStrength_WEAK)
		keys[region] = awskms.Key_FromKeyArn(stack, jsii.String("Replica"), replica.AttrArn())
	}
	return keys
}

// replicaPolicy is what CDK writes for the primary key, which has no say over
// its replicas: whoever IAM allows it to, and whoever may read the secret.
func replicaPolicy(stack awscdk.Stack) awsiam.PolicyDocument {
	account := awsiam.NewAccountRootPrincipal()
	through := awskms.NewViaServicePrincipal(jsii.String("secretsmanager."+*stack.Region()+"."+*stack.UrlSuffix()), account)
	statement := func(principal awsiam.IPrincipal, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{principal}, Actions: jsii.Strings(actions...), Resources: jsii.Strings("*"), // of a key's policy: the key
		})
	}
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
		statement(account, "kms:*"),
		statement(through, "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
	}})
}
