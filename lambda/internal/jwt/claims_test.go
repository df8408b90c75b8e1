package jwt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseClaims(t *testing.T) {
	for _, tt := range []struct {
		name, object string
		want         Claims
		ok           bool
	}{
		{"empty", `{}`, Claims{}, true},
		{"all", `{"iss":"i","aud":["a","b"],"sub":"s","scope":"x  y","exp":10,"nbf":5.5}`,
			Claims{Issuer: "i", Audience: []string{"a", "b"}, Subject: "s", Scope: []string{"x", "y"}, Expires: time.Unix(10, 0), NotBefore: time.Unix(5, 0)}, true},
		{"scope as a list", `{"scope":["x","y z"]}`, Claims{Scope: []string{"x", "y", "z"}}, true},
		{"scp", `{"scp":["x","y"]}`, Claims{Scope: []string{"x", "y"}}, true},
		{"scp as text", `{"scp":"x y"}`, Claims{Scope: []string{"x", "y"}}, true},
		{"scope before scp", `{"scope":"","scp":"admin"}`, Claims{}, true},
		{"null is absent", `{"iss":null,"aud":null,"exp":null,"scope":null}`, Claims{}, true},
		{"a subject for no log", `{"sub":"a\nb"}`, Claims{}, true},
		{"a long subject", `{"sub":"` + strings.Repeat("x", 256) + `"}`, Claims{}, true},
		{"other letter case is another claim", `{"SCOPE":"admin","Sub":"root"}`, Claims{}, true},

		{"sub is a number", `{"sub":7}`, Claims{}, false},
		{"exp is text", `{"exp":"10"}`, Claims{}, false},
		{"exp is negative", `{"exp":-1}`, Claims{}, false},
		{"exp overflows", `{"exp":1e300}`, Claims{}, false},
		{"aud is a number", `{"aud":1}`, Claims{}, false},
		{"aud has a number", `{"aud":["a",1]}`, Claims{}, false},
		{"scope is an object", `{"scope":{}}`, Claims{}, false},
		{"duplicate", `{"scope":"a","scope":"admin"}`, Claims{}, false},
		{"null", `null`, Claims{}, false},
		{"array", `[]`, Claims{}, false},
		{"text", `"x"`, Claims{}, false},
		{"nothing", ``, Claims{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseClaims([]byte(tt.object))
			if (err == nil) != tt.ok {
				t.Fatalf("got error %v, want ok %v", err, tt.ok)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Claims{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHas(t *testing.T) {
	c, err := ParseClaims([]byte(`{"acr":"2","groups":["a","b"],"verified":true,"level":3,"none":null,"o":{"x":"y"},"mixed":["null",null,7]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, value string
		want        bool
	}{
		{"acr", "2", true}, {"acr", "", false}, {"acr", "3", false},
		{"groups", "b", true}, {"groups", "c", false}, {"groups", `["a","b"]`, false},
		{"verified", "true", true}, {"verified", "false", false},
		{"level", "3", true}, {"none", "null", false}, {"none", "", false},
		{"missing", "", false}, {"o", "y", false}, {"mixed", "7", true}, {"mixed", "null", true}, {"ACR", "2", false},
	} {
		if got := c.Has(tt.name, tt.value); got != tt.want {
			t.Errorf("%s = %q: got %v", tt.name, tt.value, got)
		}
	}
	if !c.HasScopes(nil) || c.HasScopes([]string{"x"}) {
		t.Error("a token without scopes")
	}
}

// Claims as header values: only those that cannot split or forge a header.
func TestHeader(t *testing.T) {
	c, err := ParseClaims([]byte(`{"email":"a@example.com","n":7,"b":true,"roles":["x","y"],"mixed":["x",1,false],"one":["a,b"],"none":null,"empty":[],"o":{"a":1},
		"nested":[["x"]],"object":[{}],"comma":["a,b","c"],"crlf":"a\r\nx: y","zoe":"Zoë","tab":"a\tb","space":" a ","null":["x",null],"long":"` + strings.Repeat("x", 1025) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"email": "a@example.com", "n": "7", "b": "true", "roles": "x,y", "mixed": "x,1,false", "one": "a,b", "space": "a",
		"none": "", "empty": "", "o": "", "nested": "", "object": "", "comma": "", "crlf": "", "zoe": "", "tab": "", "null": "", "long": "", "missing": "", "EMAIL": "",
	} {
		if got := c.Header(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestUnverified(t *testing.T) {
	for token, want := range map[string]bool{
		"e30." + encode(`{"sub":"u"}`) + ".c2ln": true,
		"e30." + encode(`{"sub":"u"}`) + ".":     false,
		"e30." + encode(`{"sub":"u"}`):           false,
		"e30." + encode(`{"sub":"u"}`) + ".a.b":  false,
		"e30." + encode(`nothing`) + ".c2ln":     false,
		"e30.!.c2ln":                             false,
		"opaque":                                 false,
		"":                                       false,
	} {
		if c, ok := Unverified(token); ok != want || ok && c.Subject != "u" {
			t.Errorf("%s: got %+v, %v", token, c, ok)
		}
	}
}

// FuzzParseClaims: parsed claims are bounded and safe to log.
func FuzzParseClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"i","aud":["a"],"sub":"s","scope":"x y","exp":10.5,"nbf":1}`))
	f.Add([]byte(`{"scp":["x"],"exp":1e20}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		c, err := ParseClaims(object)
		if err != nil {
			return
		}
		if c.Subject != "" && !isSubject(c.Subject) {
			t.Errorf("subject %q", c.Subject)
		}
		if c.Expires.Unix() > 1<<40 || c.NotBefore.Unix() > 1<<40 {
			t.Errorf("expires %v, not before %v", c.Expires, c.NotBefore)
		}
		for _, s := range c.Scope {
			if strings.ContainsAny(s, " \t\n") || s == "" {
				t.Errorf("scope %q", s)
			}
		}
	})
}
