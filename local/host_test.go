package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/local/internal/lambdaruntime"
	"github.com/tokenhandler/aws/local/internal/template"
)

// nodeFunction makes a Node.js function of a source file.
func nodeFunction(t *testing.T, file, source, handler string) *lambdaruntime.Function {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on this machine: Node.js functions were not run")
	}
	asset := t.TempDir()
	if err := os.WriteFile(filepath.Join(asset, file), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &runner{project: &project{home: t.TempDir(), node: node}}
	dir, command, err := r.executable(t.Context(), template.Function{AssetDir: asset, Runtime: "nodejs22.x"}, "f")
	if err != nil {
		t.Fatal(err)
	}
	f, err := lambdaruntime.New(lambdaruntime.Config{Name: "f", Dir: dir, Command: command, Handler: handler, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestNodeFunction(t *testing.T) {
	const handlers = `
exports.handler = (event, context, callback) => {
  if (event.how === 'callback') return void callback(null, { name: context.functionName });
  if (event.how === 'callback error') return void callback(new TypeError('no'));
  if (event.how === 'promise') return Promise.resolve({ left: context.getRemainingTimeInMillis() > 0 });
  if (event.how === 'nothing') return Promise.resolve();
  throw new RangeError('thrown');
};`
	f := nodeFunction(t, "index.js", handlers, "index.handler")
	for _, tt := range []struct{ how, want, failure string }{
		{"callback", `{"name":"f"}`, ""},
		{"promise", `{"left":true}`, ""},
		{"nothing", `null`, ""},
		{"callback error", "", "TypeError"},
		{"throw", "", "RangeError"},
		{"callback", `{"name":"f"}`, ""}, // an error does not end the function
	} {
		event, err := json.Marshal(map[string]string{"how": tt.how})
		if err != nil {
			t.Fatal(err)
		}
		result, err := f.Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		if tt.failure == "" && (result.FunctionError != "" || string(result.Payload) != tt.want) {
			t.Errorf("%s: got %s %s, want %s", tt.how, result.FunctionError, result.Payload, tt.want)
		}
		if tt.failure != "" && (result.FunctionError == "" || !strings.Contains(string(result.Payload), `"errorType":"`+tt.failure+`"`)) {
			t.Errorf("%s: got %s %s, want error %s", tt.how, result.FunctionError, result.Payload, tt.failure)
		}
	}
}

func TestNodeModuleFunction(t *testing.T) {
	f := nodeFunction(t, "app.mjs", `export const run = async (event) => event.a + 1;`, "app.run")
	if result, err := f.Invoke(t.Context(), []byte(`{"a":1}`)); err != nil || string(result.Payload) != "2" {
		t.Errorf("got %s, %v", result.Payload, err)
	}
}

func TestNodeFunctionWithoutHandler(t *testing.T) {
	f := nodeFunction(t, "index.js", `exports.other = 1;`, "index.handler")
	if err := f.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "index.handler is not a function") {
		t.Errorf("got %v", err)
	}
}

// A function for another processor is refused in one line, unless it is ours.
func TestForeignArchitecture(t *testing.T) {
	dir := t.TempDir()
	// The first 20 bytes of an ELF file for a processor that no machine here has, padded.
	header := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	header[16], header[18], header[20], header[52], header[54], header[58] = 2, 0x2A, 1, 64, 56, 64 // EM_SH
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), header, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &runner{project: &project{}}
	_, _, err := r.executable(t.Context(), template.Function{Name: "orders", AssetDir: dir, Runtime: "provided.al2023", Architecture: "arm64", ConstructPath: "Shop/Orders"}, "orders")
	if err == nil || !strings.Contains(err.Error(), "function orders is built for arm64") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// collect is a writer that remembers how its text came.
type collect struct{ writes []string }

func (c *collect) Write(b []byte) (int, error) {
	c.writes = append(c.writes, string(b))
	return len(b), nil
}

func TestNodeStream(t *testing.T) {
	f := nodeFunction(t, "index.mjs", `
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.fail === 'first') throw new TypeError('at once');
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200 });
  stream.write('one');
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (event.fail) throw new RangeError('later');
  stream.end('two');
});`, "index.handler")
	for _, tt := range []struct{ event, want, failure string }{
		{`{}`, "{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00onetwo", ""},
		{`{"fail":"first"}`, "", "TypeError"},
		{`{"fail":"later"}`, "{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00one", "RangeError"},
		{`{}`, "{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00onetwo", ""},
	} {
		var got collect
		result, err := f.InvokeStream(t.Context(), []byte(tt.event), &got)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got.writes, "") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.event, got.writes, tt.want)
		}
		if (result.FunctionError != "") != (tt.failure != "") || !strings.Contains(string(result.Payload), tt.failure) {
			t.Errorf("%s: got %s %s, want %q", tt.event, result.FunctionError, result.Payload, tt.failure)
		}
	}
}
