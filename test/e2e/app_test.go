package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// asApp makes the test binary behave as the CDK app: the local run starts it,
// and it asks the process at the address to synthesize.
const asApp = "E2E_APP"

// synthesizer is the test binary of the app, which synthesizes one stage after
// the other. A new process for each would take most of the suite's time.
var synthesizer struct {
	once    sync.Once
	address string
	stop    func()
	err     error
}

// appOfTests returns the environment in which the local run synthesizes with
// the synthesizer.
func appOfTests(t *testing.T) []string {
	t.Helper()
	synthesizer.once.Do(func() { synthesizer.err = startSynthesizer() })
	if synthesizer.err != nil {
		t.Fatal(synthesizer.err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"CDK_APP=" + self, asApp + "=" + synthesizer.address}
}

func startSynthesizer() error {
	binary := filepath.Join(suite, "infra.test")
	build := exec.Command("go", "test", "-c", "-o", binary, "./infra")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c ./infra: %w\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "INFRA_TEST_APP=serve", "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	cmd.Stderr = os.Stderr
	requests, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	synthesizer.address = listener.Addr().String()
	synthesizer.stop = func() {
		listener.Close()
		requests.Close()
		_ = cmd.Wait()
	}
	go func() {
		answers := bufio.NewReader(output)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if line, err := bufio.NewReader(conn).ReadBytes('\n'); err == nil {
				if _, err := requests.Write(line); err == nil {
					if answer, err := answers.ReadBytes('\n'); err == nil {
						_, _ = conn.Write(answer)
					}
				}
			}
			conn.Close()
		}
	}()
	return nil
}

// app hands the variables of the CDK CLI to the synthesizer, prints the lines of
// the app and returns its exit status.
func app(address string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return fail(err)
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(map[string]any{
		"Outdir": os.Getenv("CDK_OUTDIR"), "Context": json.RawMessage(os.Getenv("CDK_CONTEXT_JSON")),
	}); err != nil {
		return fail(err)
	}
	var lines string
	if err := json.NewDecoder(conn).Decode(&lines); err != nil {
		return fail(err)
	}
	if lines != "" {
		io.WriteString(os.Stderr, lines)
		return 1
	}
	return 0
}
