package tokenhandler

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/settings"
)

// Sessions records each session in a DynamoDB table of this stack. A refresh is
// then made once, however often it is asked for, and the end of a session takes
// effect with the next request: by sign-out, by back-channel logout, everywhere
// at once, or by an operator. Switching it on ends the sessions there are.
//
// It cannot be combined with the format curity, whose cookies tell no session,
// nor with sessions shared by several regions.
type Sessions struct {
	// Enabled makes the table, on demand and encrypted with KMSKey, and a secret
	// with the key that hashes its search keys.
	Enabled bool `json:"enabled"`

	// Repeat is how long the repetition of a refresh gets the same session,
	// without another call to the provider: whole seconds up to five minutes.
	Repeat time.Duration `json:"repeat"`

	// PointInTimeRecovery keeps backups of the table for 35 days. A restored table
	// brings ended sessions back, so it is off by default.
	PointInTimeRecovery bool `json:"pointInTimeRecovery"`
}

func checkSessions(c *settings.Checker, p *Props) {
	s := &p.Sessions
	c.Refuse(!s.Enabled && s.PointInTimeRecovery, &s.PointInTimeRecovery, "requires %s", &s.Enabled)
	c.Refuse(s.Enabled && p.Cookies.Format == CookieFormatCurity, &s.Enabled, "cannot be combined with %s curity, whose access token cookie has no session", &p.Cookies.Format)
	c.Refuse(s.Enabled && p.CookieKeyRotatedElsewhere, &s.Enabled, "cannot be combined with %s: the regions share cookies, but a table of each would not know the sessions of the others", &p.CookieKeyRotatedElsewhere)
}

// sessionsTable makes the table and returns the Lambdas' settings of it.
func (h *TokenHandler) sessionsTable(p Props) settings.Sessions {
	if !p.Sessions.Enabled {
		return settings.Sessions{}
	}
	attribute := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	table := awsdynamodb.NewTable(h, jsii.String("Sessions"), &awsdynamodb.TableProps{
		PartitionKey:        attribute("pk"),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		TimeToLiveAttribute: jsii.String("e"),
		Encryption:          awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey:       h.KMSKey,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(p.Sessions.PointInTimeRecovery),
		},
	})
	for _, index := range [][2]string{{"bySubject", "u"}, {"bySid", "s"}} {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(index[0]), PartitionKey: attribute(index[1]), ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	h.SessionsTable = kept(h, table)
	key := h.newSecret("SessionsKey", "Key that hashes what the token handler's sessions are searched by: 64 hexadecimal characters",
		jsii.Bool(true), jsii.String("ghijklmnopqrstuvwxyz"))
	return settings.Sessions{Table: *table.TableName(), Key: h.reference(key), Repeat: p.Sessions.Repeat}
}

// allowSessions lets the authorizer look a session up, and the agent keep the
// records. CDK's grants allow more actions.
func (h *TokenHandler) allowSessions() {
	if h.SessionsTable == nil {
		return
	}
	allow := func(f awslambda.Function, resource string, actions ...string) {
		f.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(actions...), Resources: jsii.Strings(resource),
		}))
	}
	arn := *h.SessionsTable.TableArn()
	allow(h.AuthorizerFunction, arn, "dynamodb:GetItem")
	allow(h.AgentFunction, arn, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
	allow(h.AgentFunction, arn+"/index/*", "dynamodb:Query")
	// Callers need the key too: to read, kms:Decrypt, which the roles have for
	// their environments, and kms:DescribeKey ("Authorizing use of your KMS key",
	// Amazon DynamoDB Developer Guide). CDK's grants on a table add the same.
	h.KMSKey.Grant(h.AuthorizerFunction, jsii.String("kms:DescribeKey"))
	h.KMSKey.Grant(h.AgentFunction, *jsii.Strings("kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")...)
}
