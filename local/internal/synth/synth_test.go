package synth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenhandler/aws/local/internal/synth"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A failed synthesis reports the app's message without stacks.
func TestRunFails(t *testing.T) {
	err := synth.Run(t.Context(), app(t, t.TempDir(), "origins=http://not-loopback.example"))
	if err == nil {
		t.Fatal("an origin that is neither https nor loopback was synthesized")
	}
	if !strings.Contains(err.Error(), "origins") || strings.Contains(err.Error(), "goroutine") || strings.Count(err.Error(), "\n") > 6 {
		t.Errorf("got %v, want a few lines that name the field", err)
	}
}

func TestRoutesTo(t *testing.T) {
	dir := t.TempDir()
	cdk := `{"context":{"stages":{"local":{"routes":[{"path":"/a/{id}","methods":["GET"],"upstream":"http://127.0.0.1:3003/b/{id}","vpcLinkId":"a1"},{"path":"/f","function":"arn:x"}]}}}}`
	if err := os.WriteFile(filepath.Join(dir, "cdk.json"), []byte(cdk), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := synth.RoutesTo(dir, "local", "http://127.0.0.1:8080")
	if want := `[{"methods":["GET"],"path":"/a/{id}","upstream":"http://127.0.0.1:8080/b/{id}"},{"function":"arn:x","path":"/f"}]`; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	for _, origin := range []string{"", "8080", "http://127.0.0.1:8080/path", "http://127.0.0.1:8080?x=1"} {
		if _, err := synth.RoutesTo(dir, "local", origin); err == nil {
			t.Errorf("%q was accepted as an origin", origin)
		}
	}
}
