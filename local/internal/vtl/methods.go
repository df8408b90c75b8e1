package vtl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
)

type inputObject struct{}

type utilObject struct{}

// Methods by receiver with the numbers of arguments they take. The parser knows the receiver only of $input and $util;
// for the rest it accepts a name and count that some kind of value has.
var (
	inputMethods = map[string][]int{"params": {0, 1}, "json": {1}, "path": {1}}
	utilMethods  = map[string][]int{"escapeJavaScript": {1}, "base64Encode": {1}, "base64Decode": {1}, "urlEncode": {1},
		"urlDecode": {1}, "parseJson": {1}}
	valueMethods = map[string][]int{
		"get": {1}, "put": {2}, "add": {1}, "containsKey": {1}, "keySet": {0}, "size": {0}, "isEmpty": {0}, "contains": {1},
		"equals": {1}, "equalsIgnoreCase": {1}, "startsWith": {1}, "endsWith": {1}, "length": {0}, "indexOf": {1},
		"substring": {1, 2}, "toLowerCase": {0}, "toUpperCase": {0}, "trim": {0}, "replace": {2}, "toString": {0},
	}
)

func arityOK(methods map[string][]int, name string, n int) bool {
	for _, want := range methods[name] {
		if want == n {
			return true
		}
	}
	return false
}

// call invokes a method. A method that this kind of value does not have is null, as in Velocity.
func call(s *state, v any, name string, args []any) (any, error) {
	switch v := v.(type) {
	case inputObject:
		return callInput(s, name, args)
	case utilObject:
		return callUtil(name, args)
	case *Map:
		return callMap(v, name, args)
	case []any:
		return callList(v, name, args), nil
	case string:
		return callString(v, name, args), nil
	}
	if name == "toString" && len(args) == 0 {
		return Text(v)
	}
	if name == "equals" && len(args) == 1 {
		return compare("==", v, args[0]), nil
	}
	return nil, nil
}

func callInput(s *state, name string, args []any) (any, error) {
	if name == "params" {
		if len(args) == 0 {
			m := NewMap()
			m.Put("path", s.env.Path.frozenCopy())
			m.Put("querystring", s.env.QueryString.frozenCopy())
			m.Put("header", s.env.Header.frozenCopy())
			m.frozen = true
			return m, nil
		}
		key, ok := args[0].(string)
		if !ok {
			return nil, nil
		}
		// AWS: "searched in the path, query string, or header value (in that order)"
		for _, m := range []*Map{s.env.Path, s.env.QueryString, s.env.Header} {
			if got, ok := m.Get(key); ok {
				return got, nil
			}
		}
		return nil, nil
	}
	path, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("$input.%s wants a string", name)
	}
	got, err := jsonPath(s.env.Body, path)
	if err != nil || name == "path" {
		return got, err
	}
	if got == nil {
		return `""`, nil
	}
	text, err := marshal(got)
	return string(text), err
}

func callUtil(name string, args []any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		if args[0] == nil {
			return nil, nil
		}
		var err error
		if text, err = Text(args[0]); err != nil {
			return nil, err
		}
	}
	switch name {
	case "escapeJavaScript":
		return escapeJavaScript(text), nil
	case "base64Encode":
		return base64.StdEncoding.EncodeToString([]byte(text)), nil
	case "base64Decode":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("$util.base64Decode: not base64")
		}
		return string(b), nil
	case "urlEncode": // java.net.URLEncoder: as a form value, except that * stays and ~ does not
		return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(text)), nil
	case "urlDecode":
		got, err := url.QueryUnescape(text)
		if err != nil {
			return nil, errors.New("$util.urlDecode: malformed escape")
		}
		return got, nil
	default: // parseJson
		return decodeJSON(text)
	}
}

func callMap(m *Map, name string, args []any) (any, error) {
	switch name {
	case "get":
		return element(m, args[0]), nil
	case "put":
		k, err := Text(args[0])
		if err != nil {
			return nil, err
		}
		old, _ := m.Get(k)
		return old, m.assign(k, args[1])
	case "containsKey":
		k, _ := args[0].(string)
		_, ok := m.Get(k)
		return ok, nil
	case "keySet":
		keys := make([]any, 0, m.Len())
		for _, k := range m.Keys() {
			keys = append(keys, k)
		}
		return keys, nil
	case "size":
		return int64(m.Len()), nil
	case "isEmpty":
		return m.Len() == 0, nil
	}
	return nil, nil
}

func callList(l []any, name string, args []any) any {
	switch name {
	case "get":
		return element(l, args[0])
	case "size":
		return int64(len(l))
	case "isEmpty":
		return len(l) == 0
	case "contains":
		for _, v := range l {
			if compare("==", v, args[0]) {
				return true
			}
		}
		return false
	}
	return nil
}

func callString(v, name string, args []any) any {
	arg := func(i int) string { a, _ := args[i].(string); return a }
	if len(args) > 0 && args[0] == nil && name != "equals" && name != "equalsIgnoreCase" {
		return nil
	}
	switch name {
	case "equals":
		return compare("==", v, args[0])
	case "equalsIgnoreCase":
		return args[0] != nil && strings.EqualFold(v, arg(0))
	case "startsWith":
		return strings.HasPrefix(v, arg(0))
	case "endsWith":
		return strings.HasSuffix(v, arg(0))
	case "contains":
		return strings.Contains(v, arg(0))
	case "indexOf":
		return int64(strings.Index(v, arg(0)))
	case "length":
		return int64(len(utf16.Encode([]rune(v))))
	case "isEmpty":
		return v == ""
	case "toLowerCase":
		return strings.ToLower(v)
	case "toUpperCase":
		return strings.ToUpper(v)
	case "trim":
		return strings.TrimSpace(v)
	case "replace":
		// Bounded: each round could otherwise multiply the text.
		if out := strings.ReplaceAll(v, arg(0), arg(1)); len(out) <= maxOutput {
			return out
		}
	case "substring":
		return substring(v, args)
	case "toString":
		return v
	}
	return nil
}

func substring(v string, args []any) any {
	units := utf16.Encode([]rune(v))
	from, ok := args[0].(int64)
	to := int64(len(units))
	if ok && len(args) == 2 {
		to, ok = args[1].(int64)
	}
	if !ok || from < 0 || to > int64(len(units)) || from > to {
		return nil
	}
	return string(utf16.Decode(units[from:to]))
}

// escapeJavaScript follows Apache Commons' StringEscapeUtils.escapeJavaScript, which $util uses.
func escapeJavaScript(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u == '\'' || u == '"' || u == '\\' || u == '/':
			b.WriteByte('\\')
			b.WriteByte(byte(u))
		case u == '\n':
			b.WriteString(`\n`)
		case u == '\r':
			b.WriteString(`\r`)
		case u == '\t':
			b.WriteString(`\t`)
		case u == '\b':
			b.WriteString(`\b`)
		case u == '\f':
			b.WriteString(`\f`)
		case u < 0x20 || u > 0x7e:
			fmt.Fprintf(&b, `\u%04X`, u)
		default:
			b.WriteByte(byte(u))
		}
	}
	return b.String()
}
