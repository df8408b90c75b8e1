package vtl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
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
		"get": {1}, "put": {2}, "containsKey": {1}, "keySet": {0}, "size": {0}, "isEmpty": {0}, "contains": {1},
		"equals": {1}, "equalsIgnoreCase": {1}, "startsWith": {1}, "endsWith": {1}, "length": {0}, "indexOf": {1},
		"substring": {1, 2}, "toLowerCase": {0}, "toUpperCase": {0}, "trim": {0}, "replace": {2}, "matches": {1}, "toString": {0},
	}
)

// maxExpression bounds the expression of matches, in bytes.
const maxExpression = 512

// sharedSyntax describes expressions that mean the same in Java and in Go:
// letters, digits, classes without negation, groups and repetitions.
var sharedSyntax = regexp.MustCompile(`\A(?:[A-Za-z0-9:/.*?+(){}|,-]|\[[A-Za-z0-9.:/_-]+\])*\z`)

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
		return callList(v, name, args)
	case keySet:
		return callKeys(v, name, args)
	case string:
		return callString(v, name, args)
	}
	switch name {
	case "toString":
		return Text(v)
	case "equals":
		return equal(v, args[0])
	}
	return nil, nil
}

func notImplemented(v any, method string) error {
	return fmt.Errorf("method %s of %s with such arguments is not implemented", method, kind(v))
}

// equal is Java's equals, which unlike == converts neither side.
func equal(l, r any) (bool, error) {
	if collection(l) && collection(r) {
		return false, notImplemented(l, "equals")
	}
	if _, ok := number(l); ok { // false for an Integer and a Long: the class is not known here
		if _, ok := number(r); ok {
			return false, notImplemented(l, "equals")
		}
	}
	return !collection(l) && !collection(r) && l == r, nil
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
		return element(m, args[0])
	case "put":
		k, ok := args[0].(string)
		if !ok {
			return nil, notImplemented(m, name)
		}
		old, _ := m.Get(k)
		return old, m.assign(k, args[1])
	case "containsKey":
		k, isText := args[0].(string)
		_, ok := m.Get(k)
		return ok && isText, nil
	case "keySet":
		return keySet(m.Keys()), nil
	case "size":
		return int64(m.Len()), nil
	case "isEmpty":
		return m.Len() == 0, nil
	case "equals":
		return equal(m, args[0])
	case "toString":
		return Text(m)
	case "replace":
		return nil, notImplemented(m, name)
	}
	return nil, nil
}

func callList(l []any, name string, args []any) (any, error) {
	switch name {
	case "get":
		if n, ok := args[0].(int64); ok && n < 0 {
			return nil, errors.New("index is out of range")
		}
		return element(l, args[0])
	case "size":
		return int64(len(l)), nil
	case "isEmpty":
		return len(l) == 0, nil
	case "contains", "indexOf":
		for i, v := range l {
			found, err := equal(v, args[0])
			if err != nil {
				return nil, err
			}
			if found && name == "contains" {
				return true, nil
			}
			if found {
				return int64(i), nil
			}
		}
		if name == "contains" {
			return false, nil
		}
		return int64(-1), nil
	case "equals":
		return equal(l, args[0])
	case "toString":
		return Text(l)
	}
	return nil, nil
}

func callKeys(keys keySet, name string, args []any) (any, error) {
	switch name {
	case "size":
		return int64(len(keys)), nil
	case "isEmpty":
		return len(keys) == 0, nil
	case "contains":
		k, ok := args[0].(string)
		return ok && slices.Contains(keys, k), nil
	case "equals":
		return equal(keys, args[0])
	case "toString":
		return Text(keys)
	}
	return nil, nil
}

func callString(v, name string, args []any) (any, error) {
	switch name {
	case "length":
		return int64(len(utf16.Encode([]rune(v)))), nil
	case "isEmpty":
		return v == "", nil
	case "toLowerCase":
		return strings.ToLower(v), nil
	case "toUpperCase":
		return strings.ToUpper(v), nil
	case "trim":
		return strings.TrimFunc(v, func(r rune) bool { return r <= ' ' }), nil
	case "toString":
		return v, nil
	case "equals":
		return equal(v, args[0])
	case "substring":
		return substring(v, args)
	case "equalsIgnoreCase":
		if args[0] == nil {
			return false, nil
		}
	case "startsWith", "endsWith", "contains", "indexOf", "replace", "matches":
	default:
		return nil, nil
	}
	var texts []string
	for _, a := range args {
		switch a := a.(type) {
		case string:
			texts = append(texts, a)
		case int64:
			if name == "indexOf" { // takes a character's code, too
				return nil, notImplemented(v, name)
			}
			return nil, nil
		case nil:
		default:
			return nil, nil
		}
	}
	if len(texts) < len(args) {
		return nil, fmt.Errorf("method %s of a string got null", name)
	}
	switch name {
	case "equalsIgnoreCase":
		return strings.EqualFold(v, texts[0]), nil
	case "startsWith":
		return strings.HasPrefix(v, texts[0]), nil
	case "endsWith":
		return strings.HasSuffix(v, texts[0]), nil
	case "contains":
		return strings.Contains(v, texts[0]), nil
	case "matches": // of the whole string, and with the syntax that Java and Go share
		if len(texts[0]) > maxExpression || !sharedSyntax.MatchString(texts[0]) {
			return nil, notImplemented(v, name)
		}
		expression, err := regexp.Compile(`\A(?:` + texts[0] + `)\z`)
		if err != nil {
			return nil, notImplemented(v, name)
		}
		return expression.MatchString(v), nil
	case "indexOf":
		i := strings.Index(v, texts[0])
		if i > 0 {
			i = len(utf16.Encode([]rune(v[:i])))
		}
		return int64(i), nil
	default: // replace
		if len(texts[1])*(strings.Count(v, texts[0])+1) > maxOutput {
			return nil, fmt.Errorf("method replace makes more than %d bytes", maxOutput)
		}
		return strings.ReplaceAll(v, texts[0], texts[1]), nil
	}
}

// substring counts in UTF-16 units.
func substring(v string, args []any) (any, error) {
	units := utf16.Encode([]rune(v))
	bounds := []int64{0, int64(len(units))}
	for i, a := range args {
		n, ok := a.(int64)
		if a == nil {
			return nil, errors.New("method substring of a string got null")
		}
		if !ok {
			return nil, nil
		}
		bounds[i] = n
	}
	if bounds[0] < 0 || bounds[1] > int64(len(units)) || bounds[0] > bounds[1] {
		return nil, errors.New("index is out of range")
	}
	return string(utf16.Decode(units[bounds[0]:bounds[1]])), nil
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
