package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/dynalitetest"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// next is the agent: it gets every event that is no command.
type next struct{}

func (next) Invoke(context.Context, []byte) ([]byte, error) { return []byte("agent"), nil }

func TestOperator(t *testing.T) {
	url := dynalitetest.Start(t, "../..")
	dynalitetest.CreateTable(t, url, "sessions")
	for name, value := range dynalitetest.Environment(url) {
		t.Setenv(name, value)
	}
	env := environment()
	env["SESSIONS_TABLE"], env["SESSIONS_KEY"] = "sessions", strings.Repeat("0123456789abcdef", 4)
	var log bytes.Buffer
	o, err := newOperator(lookup(env), slog.New(slog.NewJSONHandler(&log, nil)), next{})
	if err != nil {
		t.Fatal(err)
	}
	for i, subject := range []string{"alice", "alice", "bob"} {
		if err := o.table.Begin(t.Context(), sessions.Session{ID: cookie.SessionID{byte(i)}, Subject: subject, Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	without := operator{log: o.log, next: next{}}
	for _, tt := range []struct {
		o             operator
		event         string
		want, wantErr string
	}{
		{o, `{"endSessionsOf":"alice"}`, `{"ended":2}`, ""},
		{o, `{"endSessionsOf":"alice"}`, `{"ended":0}`, ""},
		{o, `{"endSessionsOf":""}`, "", "must be a subject"},
		{o, `{"endSessionsOf":7}`, "", "must be a subject"},
		{o, `{"endSessionsOf":null}`, "", "must be a subject"},
		{o, `{"endSessionsOf":"bob","resource":"/oauth-agent/session"}`, "agent", ""},
		{o, `{"endsessionsof":"bob"}`, "agent", ""},
		{o, `[]`, "agent", ""},
		{without, `{"endSessionsOf":"bob"}`, "", "requires SESSIONS_TABLE"},
	} {
		got, err := tt.o.Invoke(t.Context(), []byte(tt.event))
		if string(got) != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%s: got %s, %v", tt.event, got, err)
		}
	}
	if live, err := o.table.Live(t.Context(), cookie.SessionID{2}); !live || err != nil {
		t.Errorf("bob's session: got %v, %v", live, err)
	}
	if strings.Contains(log.String(), "alice") || strings.Count(log.String(), `"ended":2`) != 1 {
		t.Errorf("log: %s", &log)
	}
}
