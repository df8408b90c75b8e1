package gateway

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Bytes that are not UTF-8 go up and come down unchanged through every kind of
// route, if their media type is a binary one. Otherwise API Gateway treats them
// as text.
func TestBinaryIsByteExact(t *testing.T) {
	payload := strings.Repeat("\x00\x01\xff\xfe\r\n\x80", 1000)
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		io.WriteString(w, payload)
	})
	for _, tt := range []struct {
		name      string
		types     []string
		wantExact bool
	}{
		{"a binary media type", []string{"application/octet-stream"}, true},
		{"every media type", []string{"*/*"}, true},
		{"none", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := (&fixture{upstream: up.URL, edit: func(r map[string]any) {
				properties(r, "Fixture/Api/Resource")["BinaryMediaTypes"] = tt.types
			}}).start(t)
			var uploaded string
			f.agent = func(event map[string]any) (Result, error) {
				uploaded, _ = event["body"].(string)
				if event["isBase64Encoded"] == true {
					decoded, err := base64.StdEncoding.DecodeString(uploaded)
					if err != nil {
						t.Error(err)
					}
					uploaded = string(decoded)
				}
				return ok(`{"statusCode":200,"isBase64Encoded":true,"headers":{"content-type":"application/octet-stream"},"body":"` +
					base64.StdEncoding.EncodeToString([]byte(payload)) + `"}`)
			}
			for route, method := range map[string]string{"/orders": "POST", "/files/x": "PUT", "/profile": "GET"} {
				res := f.do(t, method, route, payload, "Content-Type", "application/octet-stream", "Accept", "application/octet-stream")
				if (res.body == payload) != tt.wantExact {
					t.Errorf("%s down: got %d bytes, the same: %v; want %v", route, len(res.body), res.body == payload, tt.wantExact)
				}
				sent := uploaded
				if route != "/profile" {
					_, sent = up.got(t)
				}
				if (sent == payload) != tt.wantExact {
					t.Errorf("%s up: got %d bytes, the same: %v; want %v", route, len(sent), sent == payload, tt.wantExact)
				}
			}
		})
	}
}
