package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/settings"
)

// checkRegions refuses settings that cannot be combined with several regions:
// resources that exist in one region only, and settings with which a session of
// one region would not be valid in another.
func (s *stage) checkRegions(c *settings.Checker) {
	if len(s.Regions) == 0 {
		return
	}
	for i := range s.Regions {
		c.Must(regionRE.MatchString(s.Regions[i]), &s.Regions[i], "be the name of an AWS region, such as eu-north-1")
		c.Must(!slices.Contains(s.Regions[:i], s.Regions[i]), &s.Regions[i], "be listed once")
	}
	c.Refuse(len(s.Regions) == 1, &s.Regions, "must list two or more regions: %s is for one", &s.Region)
	c.Refuse(s.Account == "", &s.Account, "is required with %s", &s.Regions)
	c.Refuse(s.Domain == nil, &s.Domain, "is required with %s: a session lives on one host", &s.Regions)
	key := &s.CookieKeySecret
	name := s.given.text(s, key)
	c.Refuse(name == "", key, "is required with %s: all regions find the key of the cookies under this name", &s.Regions)
	c.Refuse(s.Provider.NeedsSecret() && !s.given.has(s, &s.Provider.ClientSecret), &s.Provider.ClientSecret,
		"is required with %s: each region would generate a secret of its own", &s.Regions)
	if s.Domain != nil {
		c.Refuse(!s.given.has(s, &s.Domain.HostedZone), &s.Domain.HostedZone, "is required with %s, for their records", &s.Regions)
		c.Refuse(s.Domain.Latency != "", &s.Domain.Latency, "cannot be combined with %s: the records have the names of the regions", &s.Regions)
	}

	var single []any // fields that cannot be combined
	if s.Region != "" {
		single = append(single, &s.Region)
	}
	if s.Site != nil {
		single = append(single, &s.Site)
	}
	if s.Operation.WebACL != "" {
		single = append(single, &s.Operation.WebACL)
	}
	if len(s.Clients) > 0 {
		single = append(single, &s.Clients)
	}
	if s.Sessions.Enabled {
		single = append(single, &s.Sessions.Enabled)
	}
	if s.CookieKeyRotatedElsewhere { // with regions, all but the first have it
		single = append(single, &s.CookieKeyRotatedElsewhere)
	}
	for _, field := range single {
		c.Refuse(true, field, "cannot be combined with %s: it belongs to one region", &s.Regions)
	}
	for _, f := range settings.Fields(s) {
		text, field := s.given[f.StageName()], f.Value.Addr().Interface()
		multiRegion := strings.Contains(text, ":key/mrk-") || !strings.HasPrefix(text, "arn:") && f.StageName() != "domain.existing"
		c.Refuse(kinds[f.Type()] != nil && text != "" && !multiRegion, field, "cannot be combined with %s: it belongs to one region", &s.Regions)
	}
}

// in returns the stage in one of its regions.
func (s stage) in(region string) stage {
	s.Region, s.Regions, s.regional = region, nil, true
	domain := *s.Domain
	domain.Latency = region
	s.Domain = &domain
	s.given = maps.Clone(s.given)
	for name, text := range s.given {
		if parts := strings.Split(text, ":"); len(parts) > 3 && parts[2] == "kms" {
			parts[3] = region // multi-Region keys have the same id everywhere
			s.given[name] = strings.Join(parts, ":")
		}
	}
	s.Routes = slices.Clone(s.Routes)
	return s
}

// cookieKeySecret returns the secret with the cookie key. The first region
// makes it and its copies. The others refer to a copy by its name.
func (s *stage) cookieKeySecret(scope constructs.Construct) awssecretsmanager.ISecret {
	name, key := s.given.text(s, &s.CookieKeySecret), s.keys[s.Region]
	if len(s.copies) > 0 {
		return tokenhandler.NewSessionKey(scope, "SessionKey", &tokenhandler.SessionKeyProps{
			Name: name, ReplicaRegions: s.copies, EncryptionKey: key, ReplicaKeys: s.keys, RemovalPolicy: s.Operation.RemovalPolicy,
		})
	}
	return awssecretsmanager.Secret_FromSecretAttributes(scope, jsii.String("GivenSessionKey"), &awssecretsmanager.SecretAttributes{
		SecretPartialArn: awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("secretsmanager"),
			Resource: jsii.String("secret"), ResourceName: jsii.String(name), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME}),
		EncryptionKey: key,
	})
}

// newStacks makes the stacks of a stage: TokenHandler-<stage>, or with regions
//
//	TokenHandler-<stage>-SessionKey-<first>    a multi-Region KMS key
//	TokenHandler-<stage>-SessionKey-<others>   its replicas
//	TokenHandler-<stage>-<first>               a token handler, and the session key in Secrets Manager with its copies
//	TokenHandler-<stage>-<others>              token handlers that name the copies
//
// CDK deploys each after those above it: a copy is encrypted with the replica,
// and a replica needs the key. newStacks returns the stacks with a token
// handler.
func newStacks(scope constructs.Construct, s stage) []awscdk.Stack {
	if len(s.Regions) == 0 {
		return []awscdk.Stack{newStack(scope, s)}
	}
	keys := newSessionKeyKeys(scope, s)
	first := s.in(s.Regions[0])
	first.copies, first.keys = s.Regions[1:], keys
	stacks := []awscdk.Stack{newStack(scope, first)}
	for _, region := range s.Regions[1:] {
		other := s.in(region)
		other.keys = keys
		other.CookieKeyRotation, other.CookieKeyRotatedElsewhere = 0, s.CookieKeyRotation != 0
		stack := newStack(scope, other)
		stack.AddStackDependency(stacks[0], jsii.String("the copy of the session key"))
		stacks = append(stacks, stack)
	}
	return stacks
}

// newSessionKeyKeys makes the KMS key of the session key's secret and its
// replicas, by region. They have their own stacks: in the token handlers'
// stacks the dependencies would form a circle.
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
	// Fn::GetStackOutput with every set of flags in cdk.json: the other form is
	// a Lambda that copies values between regions.
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

// replicaPolicy is the policy that CDK writes for the primary key, which does
// not apply to its replicas: principals that IAM allows, and readers of the
// secret.
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
