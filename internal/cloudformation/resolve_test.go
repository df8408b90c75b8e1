package cloudformation

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// resolverOf resolves a Ref of X to "x", of List to a list and of Loop to
// itself.
func resolverOf(t *Template) *Resolver {
	r := &Resolver{Template: t}
	r.Ref = func(id string, depth int) (any, error) {
		switch id {
		case "X":
			return "x", nil
		case "List":
			return []any{"a", "b"}, nil
		case "Loop":
			return r.Resolve(map[string]any{"Ref": "Loop"}, depth)
		}
		return nil, errors.New("no such resource " + id)
	}
	r.GetAtt = func(id, attribute string, _ int) (any, error) { return "(" + id + ":" + attribute + ")", nil }
	return r
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestResolve(t *testing.T) {
	var template Template
	decode(t, `{
	  "Mappings": {"M": {"a": {"b": {"Ref": "X"}}}},
	  "Conditions": {
	    "Yes": {"Fn::Equals": [{"Ref": "X"}, "x"]},
	    "No": {"Fn::Not": [{"Condition": "Yes"}]},
	    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}]},
	    "Never": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
	    "Circle": {"Condition": "Circle"},
	    "Odd": {"Fn::Contains": [["a"], "a"]},
	    "Two": {"Fn::Equals": ["a", "a"], "Fn::Not": []}}}`, &template)
	r := resolverOf(&template)
	for _, tt := range []struct{ in, want, wantErr string }{
		{`"plain"`, `"plain"`, ""},
		{`12345678901234567890`, `12345678901234567890`, ""},
		{`{"Ref":"X","And":"more"}`, `{"And":"more","Ref":"X"}`, ""}, // a property of that name
		{`{"Fn::GetAtt":["R","A.B"]}`, `"(R:A.B)"`, ""},
		{`{"Fn::GetAtt":"R.A.B"}`, `"(R:A.B)"`, ""},
		{`{"Fn::GetAtt":["R",{"Ref":"X"}]}`, `"(R:x)"`, ""},
		{`{"Fn::Join":["-",["a",{"Ref":"X"},7,true]]}`, `"a-x-7-true"`, ""},
		{`{"Fn::Join":[",",{"Ref":"List"}]}`, `"a,b"`, ""},
		{`{"Fn::Sub":"${X}/${R.A}/${!Literal}"}`, `"x/(R:A)/${Literal}"`, ""},
		{`{"Fn::Sub":["${a}${X}",{"a":{"Fn::Join":["",["1","2"]]}}]}`, `"12x"`, ""},
		{`{"Fn::Select":[1,{"Fn::Split":[":","a:b"]}]}`, `"b"`, ""},
		{`{"Fn::FindInMap":["M","a","b"]}`, `"x"`, ""},
		{`{"Fn::If":["Both","yes","no"]}`, `"yes"`, ""},
		{`{"Fn::If":["Never","yes","no"]}`, `"no"`, ""},
		{`{"a":{"Fn::If":["No",1,{"Ref":"AWS::NoValue"}]},"b":[{"Ref":"AWS::NoValue"},2]}`, `{"b":[2]}`, ""},

		{`{"Ref":["X"]}`, "", "Ref has an unexpected argument"},
		{`{"Ref":"Nowhere"}`, "", "no such resource Nowhere"},
		{`{"Ref":"Loop"}`, "", "a reference to itself"},
		{`{"Fn::GetAtt":["R"]}`, "", "Fn::GetAtt has an unexpected argument"},
		{`{"Fn::Join":["",[{"a":1}]]}`, "", "Fn::Join: expected a string"},
		{`{"Fn::Join":["","a"]}`, "", "Fn::Join has an unexpected argument"},
		{`{"Fn::Sub":["${a}"]}`, "", "Fn::Sub has an unexpected argument"},
		{`{"Fn::Sub":"${List}"}`, "", "Fn::Sub: expected a string"},
		{`{"Fn::Split":["","a"]}`, "", "Fn::Split has an unexpected argument"},
		{`{"Fn::Select":["9",["a"]]}`, "", "Fn::Select has an unexpected argument"},
		{`{"Fn::Select":[-1,["a"]]}`, "", "Fn::Select has an unexpected argument"},
		{`{"Fn::FindInMap":["M","a","c"]}`, "", "Fn::FindInMap has an unexpected argument"},
		{`{"Fn::If":["Circle",1,2]}`, "", "refers to itself"},
		{`{"Fn::If":["Nope",1,2]}`, "", "condition Nope does not exist"},
		{`{"Fn::If":["Odd",1,2]}`, "", "condition function Fn::Contains is not implemented"},
		{`{"Fn::If":["Two",1,2]}`, "", "not a single function"},
		{`{"Fn::Base64":["a"]}`, "", "Fn::Base64 is not implemented"},
	} {
		t.Run(tt.in, func(t *testing.T) {
			var in any
			decode(t, tt.in, &in)
			got, err := r.Resolve(in, 0)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("got error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := json.Marshal(got)
			if diff := cmp.Diff(tt.want, string(raw)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNameAndMentions(t *testing.T) {
	for _, tt := range []struct {
		in, name string
		ids      []string
		imports  string
	}{
		{`"literal"`, "literal", nil, ""},
		{`{"Ref":"A"}`, "A", []string{"A"}, ""},
		{`{"Fn::GetAtt":["A","Arn"]}`, "A.Arn", []string{"A"}, ""},
		{`{"Fn::GetAtt":"A.Arn"}`, "A.Arn", []string{"A"}, ""},
		{`{"Fn::ImportValue":"Other:Out"}`, "Other:Out", nil, `"Other:Out"`},
		{`{"Fn::GetStackOutput":{"StackName":"S","OutputName":"O"}}`, "S.O", nil, `{"OutputName":"O","StackName":"S"}`},
		{`{"Fn::Join":["",["a",{"Ref":"A"},{"Fn::Sub":"${B.Arn}${!C}"}]]}`, `{"Fn::Join":["",["a",{"Ref":"A"},{"Fn::Sub":"${B.Arn}${!C}"}]]}`, []string{"A", "B"}, ""},
		{`{"Fn::Sub":["${D}",{"D":{"Ref":"E"}}]}`, `{"Fn::Sub":["${D}",{"D":{"Ref":"E"}}]}`, []string{"D", "E"}, ""},
	} {
		var in any
		decode(t, tt.in, &in)
		if got := Name(in); got != tt.name {
			t.Errorf("Name(%s) is %q, want %q", tt.in, got, tt.name)
		}
		want := map[string]bool{}
		for _, id := range tt.ids {
			want[id] = true
		}
		if diff := cmp.Diff(want, Mentions(in)); diff != "" {
			t.Errorf("Mentions(%s): %s", tt.in, diff)
		}
		if got := Imports(in); got != tt.imports {
			t.Errorf("Imports(%s) is %q, want %q", tt.in, got, tt.imports)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"Fn::Join":["",["a",{"Ref":"X"},{"Fn::GetAtt":["A","B"]}]]}`)
	f.Add(`{"Fn::If":["C",{"Fn::Sub":"${A}${!B}"},{"Fn::Select":["0",{"Fn::Split":[",","a,b"]}]}]}`)
	f.Add(`{"Fn::Equals":[{"Fn::FindInMap":["M","a","b"]},{"Ref":"Loop"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		r := resolverOf(&Template{Conditions: map[string]any{"C": v}, Mappings: map[string]map[string]map[string]any{"M": {"a": {"b": v}}}})
		if got, err := r.Resolve(v, 0); err != nil && got != nil {
			t.Errorf("got %v with error %v", got, err)
		}
		Name(v)
		Mentions(v)
		Imports(v)
	})
}
