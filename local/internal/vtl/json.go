package vtl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// marshal encodes without escaping <, > and &, as API Gateway leaves them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeJSON decodes one JSON value, keeping the order of object keys.
func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, errors.New("invalid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("invalid JSON: text after the value")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			list := []any{}
			for dec.More() {
				v, err := decodeValue(dec, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := dec.Token()
			return list, err
		}
		m := NewMap()
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			m.Put(k.(string), v)
		}
		_, err := dec.Token()
		return m, err
	default: // string, bool, nil
		return t, nil
	}
}

// parsePath understands $, .name, ['name'], ["name"] and [n]; anything else of JSONPath is an error.
func parsePath(path string) ([]any, error) {
	bad := fmt.Errorf("JSONPath %q is not implemented: only $, .name, ['name'] and [n] are", path)
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, bad
	}
	var steps []any
	for rest != "" {
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			name := rest[1:end]
			if name == "" || strings.ContainsAny(name, "*?()@$ '\"]") {
				return nil, bad
			}
			steps, rest = append(steps, name), rest[end:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, bad
			}
			in := rest[1:end]
			if n := len(in); n >= 2 && (in[0] == '\'' || in[0] == '"') && in[n-1] == in[0] {
				steps = append(steps, in[1:n-1])
			} else if i, err := strconv.ParseInt(in, 10, 32); err == nil && i >= 0 {
				steps = append(steps, i)
			} else {
				return nil, bad
			}
			rest = rest[end+1:]
		default:
			return nil, bad
		}
	}
	return steps, nil
}

// jsonPath applies a path to a body; an absent value is nil. An empty body counts as an empty object.
func jsonPath(body, path string) (any, error) {
	steps, err := parsePath(path)
	if err != nil {
		return nil, errors.New("JSONPath is not implemented")
	}
	if strings.TrimSpace(body) == "" {
		body = "{}"
	}
	v, err := decodeJSON(body)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if list, isList := v.([]any); isList {
			if i, ok := s.(int64); !ok || i >= int64(len(list)) {
				return nil, nil
			}
		}
		if v, err = element(v, s); err != nil {
			return nil, err
		}
	}
	return v, nil
}
