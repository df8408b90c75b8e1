package socket

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// Management serves the @connections commands, with which backends send messages and end connections (Amazon API Gateway
// Developer Guide, "Use @connections commands in your backend service"). It is served on a port of its own: pages do not
// reach it.
//
// On AWS the commands "use IAM authorization, so you must sign them with Signature Version 4". Here a signature for the
// service execute-api must be there and is not verified. No browser adds one.
func (s *Server) Management() http.Handler { return http.HandlerFunc(s.manage) }

func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	path, id, ok := strings.Cut(r.URL.Path, "/@connections/")
	if path == "" {
		path = "/"
	}
	a := s.find(path)
	if !ok || a == nil || id == "" {
		commandError(w, http.StatusForbidden, "ForbiddenException", "no WebSocket API is served at this path")
		return
	}
	status, kind, message := s.command(w, r, a, id)
	cause := ""
	if kind != "" {
		commandError(w, status, kind, message)
		cause = kind
	}
	a.log("@connections "+verb(r.Method), status, began, cause)
}

func verb(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodDelete:
		return method
	}
	return "?"
}

// command runs a command. An empty kind means that the response is written.
func (s *Server) command(w http.ResponseWriter, r *http.Request, a *api, id string) (status int, kind, message string) {
	authorization := r.Header.Get("Authorization")
	switch {
	case r.Host != a.opts.Domain || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		return http.StatusForbidden, "ForbiddenException", "not for browsers"
	case !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ") || !strings.Contains(authorization, "/execute-api/aws4_request"):
		return http.StatusForbidden, "MissingAuthenticationTokenException", "the request must be signed for execute-api with Signature Version 4"
	}
	c := s.connected(a, id)
	if c == nil {
		return http.StatusGone, "GoneException", "the connection does not exist"
	}
	switch r.Method {
	case http.MethodPost:
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			return http.StatusRequestEntityTooLarge, "PayloadTooLargeException", "the message is over 128 KB"
		case err != nil:
			return http.StatusBadRequest, "BadRequestException", "the message could not be read"
		case !utf8.Valid(text):
			return http.StatusBadRequest, "BadRequestException", "the local run sends text only, and the message is not UTF-8"
		}
		if c.send(text) != nil {
			return http.StatusGone, "GoneException", "the connection has ended"
		}
		w.WriteHeader(http.StatusOK)
		return http.StatusOK, "", ""
	case http.MethodGet:
		const iso8601 = "2006-01-02T15:04:05.000Z"
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"connectedAt": c.connectedAt.UTC().Format(iso8601), "lastActiveAt": time.UnixMilli(c.activeAt.Load()).UTC().Format(iso8601),
			"identity": map[string]string{"sourceIp": c.client.sourceIP, "userAgent": c.client.userAgent},
		})
		return http.StatusOK, "", ""
	case http.MethodDelete:
		go c.end(closeNormal, "Connection Closed Normally") // waits for the client
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent, "", ""
	}
	return http.StatusForbidden, "ForbiddenException", "expected POST, GET or DELETE"
}

func commandError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}
