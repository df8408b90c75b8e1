package sigv4

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokenhandler/aws/internal/settings"
)

// The vectors are AWS's own: the Signature Version 4 test suite, of the
// requests with path "/" and no query.
func TestSignVectors(t *testing.T) {
	const sts = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	for _, tt := range []struct {
		name, method, body string
		header             map[string]string
		token              string
		signed, signature  string
	}{
		{"get-vanilla", "GET", "", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-header-value-trim", "GET", "", map[string]string{"My-Header1": " value1", "My-Header2": `"a   b   c"`}, "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-vanilla", "POST", "", nil, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-header-value-case", "POST", "", map[string]string{"My-Header1": "VALUE1"}, "", "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
		{"post-x-www-form-urlencoded", "POST", "Param1=value1", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"post-sts-header-before", "POST", "", nil, sts, "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, "https://example.amazonaws.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			err = Sign(r, []byte(tt.body), Credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", settings.Secret(tt.token)},
				"us-east-1", "service", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + tt.signed + ", Signature=" + tt.signature
			if got := r.Header.Get("Authorization"); err != nil || got != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

// The request we really send, signed by AWS's SDK.
func TestSignAsTheSDK(t *testing.T) {
	now := time.Now()
	body := []byte(`{"SecretId":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf","VersionStage":"AWSCURRENT"}`)
	request := func() *http.Request {
		r, err := http.NewRequest("POST", "http://127.0.0.1:3004/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		return r
	}
	ours, theirs := request(), request()
	if err := Sign(ours, body, Credentials{"ASIAEXAMPLE", "secret+/=", "token"}, "eu-west-1", "secretsmanager", now); err != nil {
		t.Fatal(err)
	}
	theirs.ContentLength = -1 // the SDK signs the length, too, where it is known
	err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret+/=", SessionToken: "token"},
		theirs, hexSum(body), "secretsmanager", "eu-west-1", now)
	if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); err != nil || got != want {
		t.Errorf("got  %s\nwant %s, %v", got, want, err)
	}
}

func TestSignWithoutCredentials(t *testing.T) {
	for _, c := range []Credentials{{}, {ID: "x"}, {Secret: "hush"}} {
		r, _ := http.NewRequest("POST", "https://example.com/", nil)
		if err := Sign(r, nil, c, "r", "s", time.Now()); err == nil || strings.Contains(err.Error(), "hush") || r.Header.Get("Authorization") != "" {
			t.Errorf("got %v, want an error", err)
		}
	}
}
