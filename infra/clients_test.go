package main

import (
	"strings"
	"testing"
)

func TestStageClients(t *testing.T) {
	client := func(fields string) string {
		return `{"clientId":"x","architecture":"x86_64",` + route1 + `,"clients":{"admin":` + fields + `}}`
	}
	s, err := decode(t, client(`{"clientId":"y","agentPath":"/admin-agent",`+route1+`}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := s.furtherClients()
	if err != nil || len(clients) != 1 || clients[0].name != "admin" || clients[0].ClientID != "y" || clients[0].AgentPath != "/admin-agent" || clients[0].Architecture != "x86_64" {
		t.Errorf("got %+v, %v", clients, err)
	}
	for _, tt := range []struct{ fields, want string }{
		{`{"issuerUrl":"y",` + route1 + `}`, `client admin: unknown field "issuerUrl": expected one of`},
		{`{"region":"eu-north-1",` + route1 + `}`, "client admin: region is set: expected it of the stage only"},
		{`{"clients":{"b":{}},` + route1 + `}`, "client admin: clients is set"},
		{`{"clientId":"y"}`, "client admin: routes is empty"},
		{`"y"`, "client admin: is no object"},
	} {
		if _, err := decode(t, client(tt.fields), nil); err == nil || !strings.HasPrefix(err.Error(), "stage t: "+tt.want) {
			t.Errorf("%s: got %v, want an error that begins with %q", tt.fields, err, "stage t: "+tt.want)
		}
	}
	if _, err := decode(t, strings.Replace(client(`{`+route1+`}`), `"admin"`, `"a/b"`, 1), nil); err == nil || !strings.Contains(err.Error(), "client a/b: expected a name of") {
		t.Errorf("got %v", err)
	}
}
