package keys

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/localsecrets"
	"github.com/tokenhandler/aws/internal/settings"
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
	ring, err := Ring(settings.Shared{EncryptionKeySecretARN: testARN}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sealsWith(t, ring, 1)
	if _, err := Ring(settings.Shared{EncryptionKeySecretARN: testARN + "x"}, time.Now); err == nil {
		t.Error("started without the secret")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	if _, err := Ring(settings.Shared{EncryptionKeySecretARN: testARN}, time.Now); err == nil {
		t.Error("a signature with another key was accepted")
	}
}
