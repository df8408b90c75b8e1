// Package dynalitetest runs dynalite, an implementation of the DynamoDB API, for
// tests. It is the npm package of that name, which the local run uses too.
package dynalitetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tokenhandler/aws/internal/setup"
	"github.com/tokenhandler/aws/lambda/internal/sigv4"
)

// Environment is the environment in which a Lambda uses the tables at a URL.
func Environment(url string) map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_DYNAMODB": url,
	}
}

// Start starts dynalite from the npm packages of root, which it installs if they
// are missing, and returns its URL. It ends with the test. Without Node.js the test
// is skipped.
func Start(t testing.TB, root string) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("Node.js is not on the PATH")
	}
	if _, err := setup.Packages(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	cli := filepath.Join(root, "node_modules", "dynalite", "cli.js")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command("node", cli, "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--createTableMs", "0", "--deleteTableMs", "0")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	for range 600 {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			return url
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("dynalite did not start\n%s", output.String())
	return ""
}

// CreateTable makes a table of the shape that the construct's has.
func CreateTable(t testing.TB, url, name string) {
	t.Helper()
	attribute := func(name string) map[string]any { return map[string]any{"AttributeName": name, "AttributeType": "S"} }
	key := func(name string) []map[string]any {
		return []map[string]any{{"AttributeName": name, "KeyType": "HASH"}}
	}
	index := func(name, attribute string) map[string]any {
		return map[string]any{"IndexName": name, "KeySchema": key(attribute), "Projection": map[string]any{"ProjectionType": "KEYS_ONLY"}}
	}
	Call(t, url, "CreateTable", map[string]any{
		"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk"),
		"AttributeDefinitions":   []any{attribute("pk"), attribute("u"), attribute("s")},
		"GlobalSecondaryIndexes": []any{index("bySubject", "u"), index("bySid", "s")},
	})
	for range 100 {
		var described struct{ Table struct{ TableStatus string } }
		json.Unmarshal(Call(t, url, "DescribeTable", map[string]any{"TableName": name}), &described)
		if described.Table.TableStatus == "ACTIVE" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("dynalite's table did not become active")
}

// Call makes a call of the DynamoDB API and returns the answer.
func Call(t testing.TB, url, operation string, request any) []byte {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	if err := sigv4.Sign(r, body, sigv4.Credentials{ID: "local", Secret: "local"}, "eu-west-1", "dynamodb", time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %d %s, %v", operation, answer.StatusCode, text.String(), err)
	}
	return text.Bytes()
}
