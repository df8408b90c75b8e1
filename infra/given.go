package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// givens are the texts of the fields that are constructs, by the fields' names
// in the stage.
type givens map[string]string

// text returns the text of a field of root, both given by pointers.
func (g givens) text(root, field any) string {
	return g[settings.SettingOf(root, field).StageName()]
}

func (g givens) has(root, field any) bool { return g.text(root, field) != "" }

// set notes the text of a field and returns the problem with it, or "".
func (g givens) set(f settings.Field, name string, value any) string {
	kind := kinds[f.Type()]
	if kind.list {
		return g.setList(kind, name, value)
	}
	text, ok := value.(string)
	if on, isBool := value.(bool); isBool && kind.flag {
		if !on {
			return ""
		}
		text, ok = "true", true
	}
	if !ok || !kind.flag && text != "" && !kind.accepts(text) || kind.flag && text != "true" {
		return "must be " + kind.expects
	}
	g[name] = text
	return ""
}

// setList notes the texts of a list.
func (g givens) setList(kind *kind, name string, value any) string {
	items, ok := value.([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		text, isText := item.(string)
		texts[i], ok = text, ok && isText && kind.accepts(text)
	}
	if !ok {
		return "must be " + kind.expects
	}
	g[name] = strings.Join(texts, ",")
	return ""
}

// find sets the fields of the struct that root points to that are given. The
// constructs are made below scope, with ids that begin with prefix and end in
// suffix.
func (g givens) find(scope constructs.Construct, root any, prefix, suffix string) {
	for _, f := range settings.Fields(root) {
		name := f.StageName()
		kind := kinds[f.Type()]
		if kind == nil || g[name] == "" {
			continue
		}
		parent := strings.TrimSuffix(name, f.Tag("json"))
		second := g[parent+f.Tag("with")]
		if kind.flag { // a domain is found by its name
			for _, sibling := range settings.Fields(root) {
				if sibling.StageName() == parent+"name" {
					second = sibling.Value.String()
				}
			}
		}
		id := prefix + strings.ReplaceAll(f.GoName(), ".", "") + suffix
		f.Value.Set(reflect.ValueOf(kind.find(scope, jsii.String(id), g[name], second)))
	}
}

// kind is how a stage names a construct that exists already.
type kind struct {
	expects string // completes "must be …"
	accepts func(string) bool
	flag    bool // true or false, not a text
	list    bool // a list of texts; find gets them joined by commas
	// find returns the construct. second is the text of the field "with".
	find func(scope constructs.Construct, id *string, text, second string) any
}

func matching(format string, args ...any) func(string) bool {
	return regexp.MustCompile(`^` + fmt.Sprintf(format, args...) + `$`).MatchString
}

const anyARN = `arn:aws[a-z-]*:%s:[a-z0-9-]*:[0-9]{0,12}:[!-~]+`

// kinds are the types of fields that a stage gives by name or ARN.
var kinds = map[reflect.Type]*kind{
	reflect.TypeFor[awssecretsmanager.ISecret](): {
		expects: "the name of a secret or its full ARN",
		accepts: func(s string) bool { return !strings.HasPrefix(s, "arn:") || matching(anyARN, "secretsmanager")(s) },
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			if strings.HasPrefix(text, "arn:") {
				return awssecretsmanager.Secret_FromSecretCompleteArn(scope, id, jsii.String(text))
			}
			return awssecretsmanager.Secret_FromSecretNameV2(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awskms.IKey](): {
		expects: "the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>",
		accepts: matching(`arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+`),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return awskms.Key_FromKeyArn(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awscertificatemanager.ICertificate](): {
		expects: "the ARN of a certificate",
		accepts: matching(anyARN, "acm"),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return awscertificatemanager.Certificate_FromCertificateArn(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awsroute53.IHostedZone](): {
		expects: "the id or the name of a hosted zone",
		accepts: matching(`[A-Za-z0-9.-]{1,255}`),
		find: func(scope constructs.Construct, id *string, text, second string) any {
			return awsroute53.HostedZone_FromHostedZoneAttributes(scope, id, &awsroute53.HostedZoneAttributes{
				HostedZoneId: jsii.String(text), ZoneName: jsii.String(second),
			})
		},
	},
	reflect.TypeFor[awsapigateway.IDomainName](): {
		expects: "true or false",
		flag:    true,
		find: func(scope constructs.Construct, id *string, _, name string) any {
			// Only records need the target. They belong to the owner of the
			// domain.
			unknown := jsii.String("unknown")
			return awsapigateway.DomainName_FromDomainNameAttributes(scope, id, &awsapigateway.DomainNameAttributes{
				DomainName: jsii.String(name), DomainNameAliasTarget: unknown, DomainNameAliasHostedZoneId: unknown})
		},
	},
	reflect.TypeFor[awss3.IBucket](): {
		expects: "the name of a bucket",
		accepts: matching(`[a-z0-9.-]{3,63}`),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return awss3.Bucket_FromBucketName(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awssns.ITopic](): {
		expects: "the ARN of an SNS topic",
		accepts: matching(anyARN, "sns"),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return awssns.Topic_FromTopicArn(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awslambda.IFunction](): {
		// With or without a version or alias.
		expects: "the ARN of a Lambda, such as arn:aws:lambda:eu-north-1:123456789012:function:orders",
		accepts: matching(`arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?`),
		find: func(scope constructs.Construct, _ *string, text, _ string) any {
			// Routes share the construct of a function, and so one permission to
			// invoke it: the policy of a function has at most 20,480 bytes.
			id := jsii.String("Function:" + text)
			if made := scope.Node().TryFindChild(id); made != nil {
				var function awslambda.IFunction
				jsii.UnsafeCast(made, &function)
				return function
			}
			return awslambda.Function_FromFunctionAttributes(scope, id, &awslambda.FunctionAttributes{
				FunctionArn: jsii.String(text),
				// Without it, CDK writes no permission if it does not know the account.
				SameEnvironment: jsii.Bool(true),
			})
		},
	},
	reflect.TypeFor[awsapigateway.IVpcLink](): {
		expects: "the id of a VPC link of REST APIs, such as a1b2c3",
		accepts: matching(`[a-z0-9]{1,64}`),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return awsapigateway.VpcLink_FromVpcLinkId(scope, id, jsii.String(text))
		},
	},
	reflect.TypeFor[awsec2.IVpc](): {
		expects: "the id of a VPC, such as vpc-0a1b2c3d",
		accepts: matching(`vpc-[0-9a-f]{8,17}`),
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			// The zones are those of subnets, which a stage gives by id.
			return awsec2.Vpc_FromVpcAttributes(scope, id, &awsec2.VpcAttributes{VpcId: jsii.String(text), AvailabilityZones: jsii.Strings("unknown")})
		},
	},
	reflect.TypeFor[[]awsec2.ISubnet](): {
		expects: "a list of ids of subnets, such as subnet-0a1b2c3d",
		accepts: matching(`subnet-[0-9a-f]{8,17}`),
		list:    true,
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return each(id, text, func(id, text *string) awsec2.ISubnet { return awsec2.Subnet_FromSubnetId(scope, id, text) })
		},
	},
	reflect.TypeFor[[]awsec2.ISecurityGroup](): {
		expects: "a list of ids of security groups, such as sg-0a1b2c3d",
		accepts: matching(`sg-[0-9a-f]{8,17}`),
		list:    true,
		find: func(scope constructs.Construct, id *string, text, _ string) any {
			return each(id, text, func(id, text *string) awsec2.ISecurityGroup {
				// Their rules are their owner's.
				return awsec2.SecurityGroup_FromSecurityGroupId(scope, id, text, &awsec2.SecurityGroupImportOptions{Mutable: jsii.Bool(false)})
			})
		},
	},
	reflect.TypeFor[awslambda.Architecture](): {
		expects: "arm64 or x86_64",
		accepts: func(s string) bool { return s == "arm64" || s == "x86_64" },
		find: func(_ constructs.Construct, _ *string, text, _ string) any {
			if text == "x86_64" {
				return awslambda.Architecture_X86_64()
			}
			return awslambda.Architecture_ARM_64()
		},
	},
}

// each makes a construct of each of several texts.
func each[T any](id *string, texts string, make func(id, text *string) T) []T {
	var all []T
	for i, text := range strings.Split(texts, ",") {
		all = append(all, make(jsii.String(fmt.Sprint(*id, i)), jsii.String(text)))
	}
	return all
}

// retentions are the numbers of days that CloudWatch Logs keeps events for
// (Amazon CloudWatch Logs API Reference, PutRetentionPolicy).
var retentions = map[float64]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 120: awslogs.RetentionDays_FOUR_MONTHS,
	150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
	1096: awslogs.RetentionDays_THREE_YEARS, 1827: awslogs.RetentionDays_FIVE_YEARS, 2192: awslogs.RetentionDays_SIX_YEARS,
	2557: awslogs.RetentionDays_SEVEN_YEARS, 2922: awslogs.RetentionDays_EIGHT_YEARS, 3288: awslogs.RetentionDays_NINE_YEARS,
	3653: awslogs.RetentionDays_TEN_YEARS,
}

func retentionDays() string {
	var days []string
	for _, n := range slices.Sorted(maps.Keys(retentions)) {
		days = append(days, fmt.Sprint(n))
	}
	return strings.Join(days, ", ")
}
