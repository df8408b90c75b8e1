package keys

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/localsecrets"
	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/sigv4"
)

// The whole way, over HTTP, with signatures that AWS's own code verifies.
func TestRingOfSecretsManager(t *testing.T) {
	store := localsecrets.New()
	store.Add(testARN, key(1))
	server := httptest.NewServer(store)
	defer server.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_ACCESS_KEY_ID": localsecrets.AccessKey,
		"AWS_SECRET_ACCESS_KEY": localsecrets.AccessKey, "AWS_SESSION_TOKEN": "x",
	} {
		t.Setenv(name, value)
	}
	ring, err := Ring(settings.Shared{CookieKey: settings.CookieKey{SecretARN: testARN}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sealsWith(t, ring, 1)

	call := func(target, body string) { // as the Lambdas do
		t.Helper()
		r := httptest.NewRequest("POST", server.URL+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", target)
		if err := sigv4.Sign(r, []byte(body), sigv4.Credentials{ID: localsecrets.AccessKey, Secret: localsecrets.AccessKey}, "eu-north-1", "secretsmanager", time.Now()); err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		store.ServeHTTP(answer, r)
		if answer.Code != 200 {
			t.Fatalf("%s: got %d %s", target, answer.Code, answer.Body)
		}
	}
	call("secretsmanager.PutSecretValue", `{"SecretId":"`+testARN+`","ClientRequestToken":"v2","SecretString":"`+key(2)+`"}`)
	for _, want := range []int{1, 2} { // that seals: the one before, until the new one has settled
		if ring, err = Ring(settings.Shared{CookieKey: settings.CookieKey{SecretARN: testARN}}, time.Now); err != nil {
			t.Fatal(err)
		}
		sealsWith(t, ring, want)
		opens(t, ring, 1, true)
		opens(t, ring, 2, true)
		call("localsecrets.Age", fmt.Sprintf(`{"SecretId":%q,"Seconds":%d}`, testARN, settleTime/time.Second))
	}

	if _, err := Ring(settings.Shared{CookieKey: settings.CookieKey{SecretARN: testARN + "x"}}, time.Now); err == nil {
		t.Error("started without the secret")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	if _, err := Ring(settings.Shared{CookieKey: settings.CookieKey{SecretARN: testARN}}, time.Now); err == nil {
		t.Error("a signature with another key was accepted")
	}
}
