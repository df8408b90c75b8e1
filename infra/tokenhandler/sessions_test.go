package tokenhandler

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func recorded() *Props {
	p := oneOrigin()
	p.Sessions = Sessions{Enabled: true, Repeat: 30 * time.Second}
	return p
}

// Each function may do with the table and its key only what it does.
func TestEveryPermissionOfSessions(t *testing.T) {
	without := grants(t, synth(t, oneOrigin(), nil))
	more := slices.DeleteFunc(grants(t, synth(t, recorded(), nil)), func(grant string) bool { return slices.Contains(without, grant) })
	want := []string{
		`[AgentFunctionRole] may "dynamodb:Query" on Sessions.Arn/index/*`,
		`[AgentFunctionRole] may ["dynamodb:DeleteItem","dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem"] on Sessions.Arn`,
		`[AgentFunctionRole] may ["kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"] on Key.Arn`,
		`[AuthorizerFunctionRole] may "dynamodb:GetItem" on Sessions.Arn`,
		`[AuthorizerFunctionRole] may ["kms:Decrypt","kms:DescribeKey"] on Key.Arn`,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, more); diff != "" {
		t.Error(diff)
	}
}

func TestSessionsTable(t *testing.T) {
	without := synth(t, oneOrigin(), nil)
	if len(without.only("AWS::DynamoDB::Table")) != 0 {
		t.Error("there is a table without Sessions")
	}
	got := synth(t, recorded(), nil)
	tables := got.only("AWS::DynamoDB::Table")
	if len(tables) != 1 {
		t.Fatalf("got %d tables, want 1", len(tables))
	}
	for _, table := range tables {
		for property, want := range map[string]string{
			"BillingMode":             `"PAY_PER_REQUEST"`,
			"KeySchema":               `[{"AttributeName":"pk","KeyType":"HASH"}]`,
			"TimeToLiveSpecification": `{"AttributeName":"e","Enabled":true}`,
			"GlobalSecondaryIndexes": `[{"IndexName":"bySubject","KeySchema":[{"AttributeName":"u","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}},` +
				`{"IndexName":"bySid","KeySchema":[{"AttributeName":"s","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]`,
		} {
			if text(table.Properties[property]) != want {
				t.Errorf("%s is %s, want %s", property, text(table.Properties[property]), want)
			}
		}
		if dig(t, table.Properties, "SSESpecification", "SSEType") != "KMS" || short(dig(t, table.Properties, "SSESpecification", "KMSMasterKeyId")) != "Key.Arn" {
			t.Errorf("SSESpecification is %s", text(table.Properties["SSESpecification"]))
		}
	}
	if _, ok := got.authorizerEnvironment(t)["SESSIONS_TABLE"]; !ok {
		t.Error("the authorizer has no SESSIONS_TABLE")
	}
	count := func(tpl template) (n int) {
		for range tpl.only("AWS::ApiGateway::Method") {
			n++
		}
		return n
	}
	if count(got) != count(without)+1 {
		t.Errorf("got %d methods, want one more than %d: backchannel-logout, without a preflight", count(got), count(without))
	}
}

func TestNewRefusesSessions(t *testing.T) {
	for want, change := range map[string]func(*Props){
		"Props.Sessions.Enabled cannot be combined with Props.Cookies.Format curity":     func(p *Props) { p.Cookies.Format = CookieFormatCurity },
		"Props.Sessions.Enabled cannot be combined with Props.CookieKeyRotatedElsewhere": func(p *Props) { p.CookieKeyRotatedElsewhere = true },
		"Props.Sessions.PointInTimeRecovery requires Props.Sessions.Enabled":             func(p *Props) { p.Sessions = Sessions{PointInTimeRecovery: true} },
		"Props.Sessions.Repeat must be whole seconds from 1 to 300":                      func(p *Props) { p.Sessions.Repeat = time.Hour },
	} {
		p := recorded()
		change(p)
		mustContain(t, panicOf(func() { New(newStack(t), "TokenHandler", p) }), want)
	}
}
