package oauthagent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/tokenhandler/aws/internal/contract"
)

// respond writes the response and returns its status and error code.
func (a *agent) respond(w http.ResponseWriter, c *call, body any, err error) (status int, code string) {
	status = http.StatusOK
	if err != nil {
		f := asFailure(err)
		status, code = f.status, f.code
		body = errorBody{f.code, f.code, f.message}
	}
	h := w.Header()
	// RFC 6750 section 5.3 and OAuth 2.0 for Browser-Based Applications: caches
	// must not keep responses about a session.
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Origin")
	if c.origin != "" {
		h.Set("Access-Control-Allow-Origin", c.origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", contract.HeaderRequestID)
	}
	for name, value := range c.headers {
		h.Set(name, value)
	}
	if c.allow != "" {
		h.Set("Allow", c.allow)
	}
	for _, cookie := range c.cookies {
		http.SetCookie(w, cookie)
	}
	if body == nil {
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent, code
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // claims go out as the provider wrote them
	if encoder.Encode(body) != nil {
		text.Reset()
		text.WriteString(`{"code":"server_error","error_code":"server_error"}`)
		status, code = http.StatusInternalServerError, contract.CodeServerError
	}
	// The assistant compares the content type exactly: no charset.
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text.Bytes())
	return status, code
}

// errorBody has the code under the names of both dialects.
type errorBody struct {
	Code      string `json:"code"`
	ErrorCode string `json:"error_code"`
	Message   string `json:"message"`
}

// log writes the line of a request. It contains only constants, numbers and
// values made by the gateway.
func (a *agent) log(c *call, status int, code string, err error, took time.Duration) {
	level := slog.LevelInfo
	attributes := []slog.Attr{
		slog.String("endpoint", c.endpoint),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("request_id", a.RequestID(c.request)),
	}
	if code != "" {
		attributes = append(attributes, slog.String("code", code))
	}
	for _, note := range c.notes {
		attributes = append(attributes, slog.String("note", note))
		level = slog.LevelWarn
	}
	var f *failure
	if errors.As(err, &f) && f.reason != "" {
		attributes = append(attributes, slog.String("reason", f.reason))
	}
	if status >= 500 {
		level = slog.LevelError
	}
	a.Logger.LogAttrs(context.Background(), level, "request", attributes...)
}
