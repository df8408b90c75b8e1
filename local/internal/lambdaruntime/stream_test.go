package lambdaruntime

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestInvokeStream(t *testing.T) {
	f, _ := start(t, nil)
	for _, tt := range []struct{ event, want, wantError string }{
		{`{"do":"stream"}`, "streamed", ""},
		{`{"do":"stream-error"}`, "half of the", "the source broke"},
		{`{"do":"unauthorized"}`, "", "Unauthorized"},
		{`{"do":"echo","text":"x"}`, `"x"`, ""}, // a function that does not stream
		{`{"do":"stream"}`, "streamed", ""},
	} {
		var got bytes.Buffer
		r, err := f.InvokeStream(t.Context(), []byte(tt.event), &got)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != tt.want || (r.FunctionError != "") != (tt.wantError != "") || !strings.Contains(string(r.Payload), tt.wantError) {
			t.Errorf("%s: got %q, %s %s", tt.event, got.String(), r.FunctionError, r.Payload)
		}
	}
}

// failing is a client that has left.
type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("gone")
}

// The function runs to its end when its client leaves, and serves the next one.
func TestInvokeStreamClientLeaves(t *testing.T) {
	f, _ := start(t, nil)
	var client failing
	if r, err := f.InvokeStream(t.Context(), []byte(`{"do":"stream"}`), &client); err != nil || r.FunctionError != "" || client.writes != 1 {
		t.Errorf("got %s, %v after %d writes", r.FunctionError, err, client.writes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var late bytes.Buffer
	if _, err := f.InvokeStream(ctx, []byte(`{"do":"sleep","ms":200}`), &late); !errors.Is(err, context.Canceled) || late.Len() != 0 {
		t.Errorf("got %v, %q", err, late.String())
	}
	if r := invoke(t, f, `{"do":"echo","text":"next"}`); string(r.Payload) != `"next"` {
		t.Errorf("the next invocation: got %s", r.Payload)
	}
}
