package sessions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/sigv4"
)

const (
	// maxAnswer bounds a response. A page of a Query has at most 1 MB, and ours
	// contain only keys.
	maxAnswer = 1 << 20
	// attempts bounds the attempts of a call if the network or the service fails,
	// or throttles.
	attempts = 3
	// attemptTime bounds one attempt.
	attemptTime = time.Second
)

// errCondition means that an item does not meet the condition of a write.
var errCondition = errors.New("sessions: the condition of the write does not hold")

// value is an attribute value: {"S": …} or {"N": …}.
type value struct {
	S string `json:"S,omitempty"`
	N string `json:"N,omitempty"`
}

type item map[string]value

// retried are the errors after which AWS SDKs try again ("Error handling with
// DynamoDB", Amazon DynamoDB Developer Guide).
var retried = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "RequestLimitExceeded": true,
	"InternalServerError": true, "ServiceUnavailable": true,
}

// call makes one call of the DynamoDB API (low-level API, JSON protocol 1.0).
func (t *Table) call(ctx context.Context, operation string, request map[string]any, answer any) error {
	request["TableName"] = t.name
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	pause := 25 * time.Millisecond
	for i := 1; ; i++ {
		again, err := t.attempt(ctx, operation, body, answer)
		if !again || i == attempts {
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 3
		case <-ctx.Done():
			return err
		}
	}
}

func (t *Table) attempt(ctx context.Context, operation string, body []byte, answer any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("sessions: the endpoint of DynamoDB is malformed")
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	if err := sigv4.Sign(r, body, sigv4.FromEnvironment(t.env), t.region, "dynamodb", t.now()); err != nil {
		return false, err
	}
	got, err := t.http.Do(r)
	if err != nil {
		return true, fmt.Errorf("sessions: table %s: %s: DynamoDB cannot be reached", t.name, operation)
	}
	defer got.Body.Close()
	t.clock.hear(got.Header.Get("Date"), t.now())
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return true, fmt.Errorf("sessions: table %s: %s: the answer broke off", t.name, operation)
	}
	if got.StatusCode == http.StatusOK {
		if !json.Valid(text) || answer != nil && json.Unmarshal(text, answer) != nil {
			return false, fmt.Errorf("sessions: table %s: %s: the answer is malformed", t.name, operation)
		}
		return false, nil
	}
	kind := errorType(text)
	if kind == "ConditionalCheckFailedException" {
		return false, errCondition
	}
	return got.StatusCode >= 500 || retried[kind], fmt.Errorf("sessions: table %s: %s: %d %s%s", t.name, operation, got.StatusCode, kind, hints[kind])
}

// hints name likely causes.
var hints = map[string]string{
	"ResourceNotFoundException": ": the table or its index does not exist in this region",
	"AccessDeniedException":     ": the function's role may not do this, or may not use the table's key",
	"ValidationException":       ": the table does not have the key and indexes of the construct's",
}

// errorType returns the type of an error, such as ResourceNotFoundException. Its
// message may name items and is not used.
func errorType(text []byte) string {
	var fields struct {
		Type string `json:"__type"`
	}
	json.Unmarshal(text, &fields)
	kind := fields.Type[strings.LastIndexByte(fields.Type, '#')+1:]
	for _, c := range []byte(kind) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "an error of no known type"
		}
	}
	if kind == "" || len(kind) > 64 {
		return "an error of no known type"
	}
	return kind
}
