package rotation

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tokenhandler/aws/internal/localsecrets"
	"github.com/tokenhandler/aws/internal/settings"
)

const (
	arn      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
	firstKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

// world is a secret, and the rotator in front of it.
type world struct {
	*testing.T
	store   *localsecrets.Store
	rotator Rotator
	client  *secretsmanager.Client
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, store: localsecrets.New()}
	server := httptest.NewServer(w.store)
	t.Cleanup(server.Close)
	w.client = secretsmanager.New(secretsmanager.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: localsecrets.AccessKey, SecretAccessKey: localsecrets.AccessKey, SessionToken: "x"}, nil
		}),
	})
	w.rotator = Rotator{w.client}
	w.store.Add(arn, firstKey)
	return w
}

// value returns the value of a stage, or "".
func (w *world) value(stage string) string {
	w.Helper()
	v, err := w.client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn), VersionStage: &stage})
	if err != nil {
		return ""
	}
	return *v.SecretString
}

// begin makes RotateSecret reserve a version, and leaves the steps to the test.
func (w *world) begin(token string) {
	w.Helper()
	if err := w.store.OnRotate(arn, func(context.Context, []byte) error { return nil }); err != nil {
		w.Fatal(err)
	}
	_, err := w.client.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{SecretId: aws.String(arn), ClientRequestToken: &token})
	if err != nil {
		w.Fatal(err)
	}
	w.store.Wait()
}

const token = "11111111-1111-1111-1111-111111111111"

func (w *world) step(step string) error {
	return w.rotator.Handle(context.Background(), Event{SecretID: arn, ClientRequestToken: token, Step: step})
}

// Every step runs twice. At the end the former current version is previous.
func TestSteps(t *testing.T) {
	w := newWorld(t)
	w.begin(token)
	var made string
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		for range 2 {
			if err := w.step(step); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			if step == "createSecret" && made != "" && w.value("AWSPENDING") != made {
				t.Error("createSecret made another key the second time")
			}
			if step == "createSecret" {
				made = w.value("AWSPENDING")
			}
			if step != "finishSecret" && (w.value("AWSCURRENT") != firstKey || w.value("AWSPREVIOUS") != "") {
				t.Errorf("after %s something else is current", step)
			}
		}
	}
	if current := w.value("AWSCURRENT"); current != made || current == firstKey || !settings.IsKey(current) || w.value("AWSPREVIOUS") != firstKey {
		t.Error("after the rotation: want a new key as AWSCURRENT and the first as AWSPREVIOUS")
	}
	// Late repetitions of any step change no version.
	for _, step := range []string{"createSecret", "testSecret", "finishSecret"} {
		if err := w.step(step); err != nil || w.value("AWSCURRENT") != made || w.value("AWSPREVIOUS") != firstKey {
			t.Errorf("%s after the end: %v", step, err)
		}
	}
}

// Through RotateSecret, as Secrets Manager does it: two rotations later the
// first key is gone.
func TestRotateSecret(t *testing.T) {
	w := newWorld(t)
	var failures []string
	w.store.Log = func(line string) { failures = append(failures, line) }
	err := w.store.OnRotate(arn, func(ctx context.Context, event []byte) error {
		var e Event
		if err := json.Unmarshal(event, &e); err != nil {
			return err
		}
		return w.rotator.Handle(ctx, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := []string{firstKey}
	for range 3 {
		if _, err := w.client.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{SecretId: aws.String(arn)}); err != nil {
			t.Fatal(err)
		}
		w.store.Wait()
		if w.value("AWSPREVIOUS") != seen[len(seen)-1] {
			t.Error("AWSPREVIOUS is not the former current version")
		}
		seen = append(seen, w.value("AWSCURRENT"))
	}
	if len(failures) > 0 {
		t.Error(failures)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*world)
		event  Event
		want   string
	}{
		{"another step", func(w *world) { w.begin(token) }, Event{arn, token, "deleteSecret"}, "one of the four steps"},
		{"no token", func(w *world) { w.begin(token) }, Event{arn, "", "createSecret"}, "one of the four steps"},
		{"not set up", func(*world) {}, Event{arn, token, "createSecret"}, "not set up"},
		{"a version without a request", func(w *world) { w.begin("22222222-2222-2222-2222-222222222222") }, Event{arn, token, "createSecret"}, "not AWSPENDING"},
		{"finish before create", func(w *world) { w.begin(token) }, Event{arn, token, "finishSecret"}, "ResourceNotFoundException"},
		{"another secret", func(w *world) { w.begin(token) }, Event{arn + "x", token, "createSecret"}, "ResourceNotFoundException"},
		{"a value that is not a key", func(w *world) {
			w.begin(token)
			w.put("hunter2")
		}, Event{arn, token, "testSecret"}, "no key"},
		{"a value that is not a key becomes current", func(w *world) {
			w.begin(token)
			w.put(strings.Repeat("0", 64))
		}, Event{arn, token, "finishSecret"}, "no key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.script(w)
			err := w.rotator.Handle(context.Background(), tt.event)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if w.value("AWSCURRENT") != firstKey {
				t.Error("AWSCURRENT has changed")
			}
		})
	}
}

// put puts a pending value of somebody else's making.
func (w *world) put(value string) {
	w.Helper()
	_, err := w.client.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(arn), ClientRequestToken: aws.String(token), SecretString: &value, VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		w.Fatal(err)
	}
}
