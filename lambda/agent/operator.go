package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/sessions"
)

// operator adds the operator's command to the agent: the event
// {"endSessionsOf":"<subject>"} ends all sessions of a user. Callers need
// lambda:InvokeFunction. No request of a client makes such an event: those of
// API Gateway have more members.
type operator struct {
	table *sessions.Table // nil: sessions are not recorded
	log   *slog.Logger
	next  lambda.Handler
}

const (
	command = "endSessionsOf"
	// maxCommand bounds the event of a command in bytes, so that larger events are
	// not parsed twice. A subject has at most 255 characters (OpenID Connect Core
	// section 2).
	maxCommand = 2048
)

func newOperator(lookup func(string) (string, bool), log *slog.Logger, next lambda.Handler) (operator, error) {
	s, err := settings.Load[settings.Agent](lookup)
	if err != nil {
		return operator{}, err
	}
	table, err := newTable(s, settings.DeploymentOf(s.Provider.Issuer, s.Provider.ClientID))
	return operator{table, log, next}, err
}

// Invoke implements lambda.Handler.
func (o operator) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event map[string]json.RawMessage
	if len(payload) > maxCommand || json.Unmarshal(payload, &event) != nil || len(event) != 1 || event[command] == nil {
		return o.next.Invoke(ctx, payload)
	}
	var subject string
	if json.Unmarshal(event[command], &subject) != nil || subject == "" {
		return nil, errors.New("agent: " + command + " must be a subject")
	}
	if o.table == nil {
		return nil, errors.New("agent: " + command + " requires SESSIONS_TABLE: sessions are not recorded")
	}
	ended, err := o.table.EndSubject(ctx, subject)
	o.log.Info("operator", "command", command, "ended", ended, "failed", err != nil)
	if err != nil {
		return nil, fmt.Errorf("agent: %d sessions ended, then: %w", ended, err)
	}
	return json.Marshal(map[string]int{"ended": ended})
}
