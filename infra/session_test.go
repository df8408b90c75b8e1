package main

import (
	"strings"
	"testing"
	"time"
)

func TestStageLifetimes(t *testing.T) {
	s, err := decode(t, `{"sessionIdleLifetime":"30m",`+route1+`}`, map[string]any{"sessionLifetime": "8h", "tokenMediation": "true"})
	if err != nil {
		t.Fatal(err)
	}
	idle, absolute, err := s.lifetimes()
	if err != nil || idle != 30*time.Minute || absolute != 8*time.Hour || !s.TokenMediation || s.IDTokenHint {
		t.Errorf("got %s, %s, %v in %+v", idle, absolute, err, s)
	}
	for field, value := range map[string]string{"sessionIdleLifetime": "30", "sessionLifetime": "0s"} {
		_, err := decode(t, `{`+route1+`}`, map[string]any{field: value})
		if want := "stage t: " + field + ` is "` + value + `": expected a duration such as`; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want an error that begins with %q", err, want)
		}
	}
}
