package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestBinary runs with every media type binary: sign-in still works, and mapped
// and transparent routes pass bytes that are not text unchanged in both
// directions.
func TestBinary(t *testing.T) {
	payload := bytes.Repeat([]byte{0, 1, 0xff, 0xfe, '\r', '\n', 0x80}, 10_000)
	var uploaded []byte
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uploaded, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "image/png")
		w.Write(payload)
	}))
	defer upstream.Close()
	s := start(t, "-c", "binaryMediaTypes=*/*", "-c", `routes=[{"path":"/orders","methods":["GET","POST"],"upstream":"{upstream}/orders"},`+
		`{"path":"/mapped","methods":["PUT"],"upstream":"`+upstream.URL+`/mapped"},`+
		`{"path":"/raw/{proxy+}","methods":["ANY"],"upstream":"`+upstream.URL+`/{proxy}","transparent":true}]`)
	known := &secrets{}
	journey(t, s, known, false)

	p := newPerson(s, true)
	p.signIn(t)
	for _, path := range []string{"/mapped", "/raw/file"} {
		resp, err := p.do("PUT", s.api+path, string(payload), p.header("Content-Type", "image/png", "Accept", "image/png"))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 || resp.body != string(payload) {
			t.Errorf("%s down: got %d with %d bytes, want the %d of the upstream API", path, resp.StatusCode, len(resp.body), len(payload))
		}
		if !bytes.Equal(uploaded, payload) {
			t.Errorf("%s up: got %d bytes, want the %d of the page", path, len(uploaded), len(payload))
		}
	}
}
