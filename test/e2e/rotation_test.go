package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The key of the cookies is rotated twice under traffic, by the rotation
// Lambda of the template, and no request fails: neither before the new key has
// settled, while the one before it seals and both open, nor after.
func TestKeyRotation(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds the Lambda processes through /proc")
	}
	port := strconv.Itoa(freePorts(t, 1)[0])
	s := start(t, "-c", "keyRotation=30d", "-secrets-port", port)
	r := &rotationRun{system: s, client: secretsClient(port), arn: secretARN(t, s)}
	known := &secrets{tokens: map[string]string{r.value(t): "the first key"}, access: map[string]bool{}, others: map[string]string{}}

	// Two users sign in and are then idle, for one rotation and for two.
	once, twice := newPerson(s, true), newPerson(s, false)
	once.signIn(t)
	twice.signIn(t)
	r.sealedWith(t, once, r.value(t))
	stop := r.traffic(t)

	for n := range 2 {
		before := r.value(t)
		r.rotate(t)
		current := r.value(t)
		known.tokens[current] = "a rotated key"
		if current == before {
			t.Fatal("the rotation changed no cookie")
		}
		r.pass(t, 20) // with the Lambdas that have not heard of it

		r.recycleAgents(t)
		r.pass(t, 20) // with agents that know both
		fresh := newPerson(s, true)
		fresh.signIn(t)
		r.sealedWith(t, fresh, before)
		// Only an agent, because the authorizers must not learn of the new key
		// yet.
		r.sealAnew(t, fresh, before, current)
		if status, answer, _ := fresh.call(t, "GET", "/oauth-agent/session", "", fresh.header()); status != 200 || answer["isLoggedIn"] != true {
			t.Errorf("GET session, sealed with a key that has not settled: got %d, %v", status, answer)
		}

		r.settle(t)
		r.recycleAgents(t)
		r.pass(t, 20) // sealed with a key that the authorizers have not heard of
		fresh.signIn(t)
		r.sealedWith(t, fresh, current)
		if n > 0 {
			break
		}
		// A session from before goes on working, and is sealed anew when it is
		// refreshed.
		if status, answer, _ := once.call(t, "GET", "/orders", "", once.header()); status != 200 {
			t.Errorf("GET /orders with a session from before the rotation: got %d, %v", status, answer)
		}
		r.sealedWith(t, once, before)
		if status, answer, _ := once.call(t, "POST", "/oauth-agent/refresh", "", once.header()); status != 204 {
			t.Errorf("refresh of a session from before the rotation: got %d, %v", status, answer)
		}
		r.sealedWith(t, once, r.value(t))
	}
	live := stop()
	if status, answer, _ := once.call(t, "GET", "/orders", "", once.header()); status != 200 {
		t.Errorf("a session refreshed once in two rotations: got %d, %v", status, answer)
	}

	// The key of this session has left the ring of every Lambda that saw a
	// cookie with the newest key.
	if status, answer, _ := live.call(t, "GET", "/orders", "", live.header()); status != 200 {
		t.Errorf("GET /orders after the traffic: got %d, %v", status, answer)
	}
	status, answer, resp := twice.call(t, "GET", "/orders", "", twice.header())
	checkRefused(t, s, status, answer, resp)
	if status, answer, _ := live.call(t, "POST", "/oauth-agent/refresh", "", live.header()); status/100 != 2 {
		t.Errorf("refresh after the traffic: got %d, %v", status, answer)
	}
	if status, answer, _ := twice.call(t, "POST", "/oauth-agent/refresh", "", twice.header()); status != 401 || answer["code"] != "session_expired" {
		t.Errorf("refresh two rotations later: got %d, %v; want 401 session_expired", status, answer)
	}
	if len(twice.session()) != 0 {
		t.Errorf("two rotations later the browser still has %d cookies", len(twice.session()))
	}
	twice.signIn(t)

	if err := s.stop(); err != nil {
		t.Error(err)
	}
	known.check(t, "the output of the run", s.output.String(), everything)
}

// A region whose secret is a replica: its Lambdas read the key as those of the
// first region do, and it has no function that could rotate it.
func TestKeyRotatedElsewhere(t *testing.T) {
	if withTable {
		t.Skip("a table of sessions cannot be combined with a key that another region rotates")
	}
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	values := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(values, []byte(`{"prod/session-key":"`+key+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(freePorts(t, 1)[0])
	s := start(t, "-c", "cookieKeyRotatedElsewhere=true", "-c", "cookieKeySecretName=prod/session-key", "-secrets", values, "-secrets-port", port)
	r := &rotationRun{system: s, client: secretsClient(port), arn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/session-key"}
	if runtime.GOOS == "linux" { // elsewhere the processes' environments are not shown
		if arn := secretARN(t, s); arn != r.arn {
			t.Errorf("the Lambdas read %s, want %s", arn, r.arn)
		}
	}
	p := newPerson(s, true)
	p.signIn(t)
	r.sealedWith(t, p, key)
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 200 {
		t.Errorf("GET /orders: got %d, %v", status, answer)
	}
	_, err := r.client.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{SecretId: &r.arn})
	if err == nil || !strings.Contains(err.Error(), "no rotation function") {
		t.Errorf("a rotation here: got %v, want it refused", err)
	}
}

// rotationRun is a local run with a Secrets Manager.
type rotationRun struct {
	*system
	client *secretsmanager.Client
	arn    string

	pause    sync.RWMutex // held for reading by each request under way
	requests atomic.Int64
}

func secretsClient(port string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:" + port),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

// secretARN is the only information that the Lambdas get. They never get the
// key.
func secretARN(t *testing.T, s *system) string {
	t.Helper()
	environments, err := lambdaEnvironments(s.out)
	if err != nil {
		t.Fatal(err)
	}
	arn := ""
	for _, env := range environments {
		if env["ENCRYPTION_KEY"] != "" {
			t.Error("a Lambda has the key in its environment")
		}
		if env["ENCRYPTION_KEY_SECRET_ARN"] != "" {
			arn = env["ENCRYPTION_KEY_SECRET_ARN"]
		}
	}
	if arn == "" {
		t.Fatal("no Lambda knows the secret")
	}
	return arn
}

// value is the current key.
func (r *rotationRun) value(t *testing.T) string {
	t.Helper()
	got, err := r.client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &r.arn})
	if err != nil {
		t.Fatal(err)
	}
	return *got.SecretString
}

// rotate asks for a rotation as an operator does, and waits for its end.
func (r *rotationRun) rotate(t *testing.T) {
	t.Helper()
	asked, err := r.client.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{SecretId: &r.arn})
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		got, err := r.client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &r.arn})
		if err == nil && *got.VersionId == *asked.VersionId {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the rotation did not end within 10 s\n%s", r.output.String())
}

// sealedWith checks the key of all of a person's cookies.
func (r *rotationRun) sealedWith(t *testing.T, p *person, key string) {
	t.Helper()
	sealer, err := newSealer(r.system, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.session() {
		if _, err := sealer.open(name, value); err != nil {
			t.Errorf("cookie %s is not sealed with the expected key", name)
		}
	}
}

// sealAnew seals all of a person's cookies with another key.
func (r *rotationRun) sealAnew(t *testing.T, p *person, from, to string) {
	t.Helper()
	opener, err := newSealer(r.system, from)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := newSealer(r.system, to)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.session() {
		content, err := opener.open(name, value)
		if err != nil {
			t.Fatal(err)
		}
		p.session()[name] = sealer.seal(name, content)
	}
}

// settle makes the versions of the secret ten minutes older, for Lambdas that
// read them from now on.
func (r *rotationRun) settle(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	body := fmt.Sprintf(`{"SecretId":%q,"Seconds":600}`, r.arn)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *r.client.Options().BaseEndpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "localsecrets.Age")
	credentials, err := r.client.Options().Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "secretsmanager", r.client.Options().Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("localsecrets.Age: got %s", answer.Status)
	}
}

// traffic has four people use the API and refresh, each request after the
// other, until it is stopped. Every request must succeed. It returns one of
// them, for use when it has stopped.
func (r *rotationRun) traffic(t *testing.T) (stop func() *person) {
	t.Helper()
	var group sync.WaitGroup
	done := make(chan struct{})
	var people []*person
	for i := range 4 {
		p := newPerson(r.system, i%2 == 0)
		p.signIn(t)
		people = append(people, p)
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				method, path := "GET", "/orders"
				if n%4 == 3 {
					method, path = "POST", "/oauth-agent/refresh"
				}
				if err := r.request(p, method, path); err != nil {
					t.Errorf("request %d of person %d: %v", n, i, err)
					return
				}
			}
		})
	}
	return func() *person {
		close(done)
		group.Wait()
		t.Logf("%d requests in all", r.requests.Load())
		return people[0]
	}
}

func (r *rotationRun) request(p *person, method, path string) error {
	r.pause.RLock()
	defer r.pause.RUnlock()
	resp, err := p.do(method, p.api+path, "", p.header())
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: got %d %s", method, path, resp.StatusCode, resp.body)
	}
	r.requests.Add(1)
	return nil
}

// pass lets so many requests pass.
func (r *rotationRun) pass(t *testing.T, n int64) {
	t.Helper()
	goal := r.requests.Load() + n
	for range 600 {
		if r.requests.Load() >= goal || t.Failed() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the traffic has stopped")
}

// recycleAgents ends the agent's processes while they wait for work, as Lambda
// does now and then. Those that replace them read the keys at their start, while
// the authorizers still have those from before. Without this, an agent would
// read them some minutes later.
func (r *rotationRun) recycleAgents(t *testing.T) {
	t.Helper()
	r.pause.Lock()
	defer r.pause.Unlock()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var ended []string
	for _, file := range environments {
		exe, err := os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		if err != nil || !strings.HasPrefix(exe, r.out) {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil || !strings.Contains("\x00"+string(raw), "\x00REDIRECT_URI=") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		ended = append(ended, filepath.Dir(file))
	}
	if len(ended) == 0 {
		t.Fatal("no agent was running")
	}
	for _, process := range ended { // gone when the run has waited for it
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(process); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is still there", process)
			}
		}
	}
	time.Sleep(100 * time.Millisecond) // until the run knows
}
