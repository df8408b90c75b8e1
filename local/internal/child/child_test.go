//go:build unix

package child

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes of the test binary the parent of TestChildDiesWithParent.
func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	p, err := Start(exec.Command("/bin/sleep", "60"))
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Pid())
	select {}
}

func TestChildDiesWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("PR_SET_PDEATHSIG is Linux's")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = []string{"CHILD_TEST_PARENT=1"}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !runs(pid) {
		t.Fatalf("child %d does not run", pid)
	}
	parent.Process.Kill()
	parent.Wait()
	for end := time.Now().Add(5 * time.Second); runs(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("child %d outlived its killed parent", pid)
		}
	}
}

// runs takes a dead child that has not been reaped yet, as in a container without an init, for gone.
func runs(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err)
	}
	return !strings.Contains(string(stat), ") Z ")
}

func TestStop(t *testing.T) {
	tests := []struct {
		name, script string
		signal       syscall.Signal
	}{
		{"obedient", "echo ready; exec sleep 60", syscall.SIGTERM},
		{"deaf", "trap '' TERM; echo ready; while :; do sleep 1; done", syscall.SIGKILL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready := make(chan struct{})
			cmd := exec.Command("/bin/sh", "-c", tt.script)
			cmd.Env = []string{"PATH=/usr/bin:/bin"}
			cmd.Stdout = NewLines(func(string) { close(ready) })
			p, err := Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			<-ready
			p.Stop(300 * time.Millisecond)
			var exit *exec.ExitError
			if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != tt.signal {
				t.Errorf("got %v; want signal %s", p.Err(), tt.signal)
			}
			p.Stop(0) // harmless
			p.Kill()
		})
	}
}

func TestKillReachesTheGroup(t *testing.T) {
	pids := make(chan string, 1)
	cmd := exec.Command("/bin/sh", "-c", "sleep 60 & echo $!; wait")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Stdout = NewLines(func(line string) { pids <- line })
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(<-pids)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	<-p.Done()
	for end := time.Now().Add(5 * time.Second); runs(grandchild); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(grandchild, syscall.SIGKILL)
			t.Fatalf("grandchild %d survived", grandchild)
		}
	}
}

func TestNoEnvironmentByDefault(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the developer's")
	lines := NewLines(nil)
	cmd := exec.Command("/usr/bin/env")
	cmd.Stdout = lines
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if got := lines.Tail(); len(got) != 0 {
		t.Errorf("got %q; want no output", got)
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := []struct {
		name string
		in   []string
		want []string
	}{
		{"one", []string{"a\n"}, []string{"a"}},
		{"several in one write", []string{"a\r\nb\n\nc"}, []string{"a", "b", "", "c"}},
		{"one in several writes", []string{"a", "b", "c\nd\n"}, []string{"abc", "d"}},
		{"too long", []string{"12" + long + "34\n"}, []string{"12" + long[2:], "xx34"}},
		{"not UTF-8", []string{"a\xffb\n"}, []string{"a\uFFFDb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			l := NewLines(func(s string) { got = append(got, s) })
			for _, s := range tt.in {
				if n, err := l.Write([]byte(s)); n != len(s) || err != nil {
					t.Fatalf("write: got %d, %v", n, err)
				}
			}
			if tail := l.Tail(); !slices.Equal(tail, tt.want) {
				t.Errorf("tail: got %.100q; want %.100q", tail, tt.want)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %.100q; want %.100q", got, tt.want)
			}
		})
	}
	l := NewLines(nil)
	for i := range 100 {
		fmt.Fprintln(l, i)
	}
	if got := l.Tail(); len(got) != tailSize || got[tailSize-1] != "99" {
		t.Errorf("tail of many: got %q", got)
	}
}
