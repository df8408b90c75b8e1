package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokenhandler/aws/local/internal/gateway"
)

// console is the run's terminal output: a line for each part as it starts,
// then a line for each request. Lower case, no periods, times at the right.
type console struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
}

func newConsole(out *os.File) *console {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	_, plain := os.LookupEnv("NO_COLOR") // https://no-color.org
	return &console{out: out, colour: terminal && !plain}
}

func (c *console) printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, format, args...)
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	cyan  = "36"
)

func (c *console) paint(code, text string) string {
	if !c.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// part tells that a part of the run is there, and how long it took if that
// was long enough to notice.
func (c *console) part(name, what string, took time.Duration) {
	seconds := ""
	if took >= 50*time.Millisecond {
		seconds = fmt.Sprintf("%5.1f s", took.Seconds())
	}
	line := fmt.Sprintf("  %s %-62s %s", c.paint(cyan, fmt.Sprintf("%-10s", name)), what, c.paint(dim, seconds))
	c.printf("%s\n", strings.TrimRight(line, " "))
}

// child passes on a line of a Lambda or of the provider.
func (c *console) child(name, line string) {
	c.printf("  %s\n", c.paint(dim, fmt.Sprintf("%-10s %s", name, line)))
}

// routes prints the methods that the API serves, without the preflights. Functions go by
// the names given.
func (c *console) routes(routes []gateway.Route, names map[string]string) {
	c.printf("\n")
	for _, r := range routes {
		if r.Method == "OPTIONS" {
			continue
		}
		guard := c.paint(dim, "open      ")
		if r.Protected {
			guard = c.paint(green, "authorizer")
		}
		behind := r.Integration
		for id, name := range names {
			behind = strings.ReplaceAll(behind, "AWS_PROXY "+id, "the "+name+" Lambda")
		}
		c.printf("  %-7s %-28s %s  %s\n", r.Method, r.Path, guard, c.paint(dim, behind))
	}
	c.printf("\n")
}

// requests prints the gateway's records, one request a line.
type requests struct {
	slog.Handler
	console *console
}

func (c *console) requests() *slog.Logger {
	return slog.New(requests{slog.DiscardHandler, c})
}

func (requests) Enabled(context.Context, slog.Level) bool { return true }

func (h requests) Handle(_ context.Context, r slog.Record) error {
	fields, paint := map[string]slog.Value{}, h.console.paint
	r.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value
		return true
	})
	text := func(name string) string {
		if v, ok := fields[name]; ok {
			return v.String()
		}
		return ""
	}
	status := text("status")
	code := green
	if status >= "400" {
		code = red
	}
	line := fmt.Sprintf("  %s %-7s %-28s %s", paint(dim, r.Time.Format("15:04:05")), text("method"), text("resource"), paint(code, status))
	line += paint(dim, fmt.Sprintf("  %5s ms", text("ms")))
	for _, name := range []string{"type", "cause"} {
		if t := text(name); t != "" {
			line += "  " + t
		}
	}
	h.console.printf("%s\n", line)
	return nil
}
