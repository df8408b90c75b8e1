// Package strictjson reads JSON objects that another party sent, where two
// readers must not come to different results.
//
// Package encoding/json takes the last of two members of one name, matches the
// names of struct fields in any letter case, and replaces bytes that are not
// UTF-8. Here a name that comes twice, at any depth, and bytes that are not
// UTF-8 are errors, and the names are those that were sent.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// MaxDepth bounds how deep objects and arrays may nest.
const MaxDepth = 64

var errNotAnObject = errors.New("strictjson: expected one JSON object of UTF-8 text without duplicate names")

// Object returns the members of the one JSON object in b, by name. The error
// names the expected form and contains no part of b.
func Object(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, errNotAnObject
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotAnObject
	}
	if !members(decoder, 1) {
		return nil, errNotAnObject
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errNotAnObject
	}
	object := map[string]json.RawMessage{}
	if json.Unmarshal(b, &object) != nil {
		return nil, errNotAnObject
	}
	return object, nil
}

// Members is Object without a look into the members: bytes and names within
// them are not checked. It is for a list whose items are then read one by one
// with Object, so that one unreadable item does not spoil the others.
func Members(b []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(b))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotAnObject
	}
	object := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, _ := token.(string)
		_, twice := object[name]
		var value json.RawMessage
		if err != nil || twice || decoder.Decode(&value) != nil {
			return nil, errNotAnObject
		}
		object[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errNotAnObject
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errNotAnObject
	}
	return object, nil
}

// String returns a member that is a string; "" if it is absent or null. ok is
// false if it is anything else.
func String(object map[string]json.RawMessage, name string) (value string, ok bool) {
	raw, present := object[name]
	if !present {
		return "", true
	}
	return value, json.Unmarshal(raw, &value) == nil
}

// members reads the members of an object up to its end. RFC 8259 section 4:
// "When the names within an object are not unique, the behavior of software
// that receives such an object is unpredictable."
func members(decoder *json.Decoder, depth int) bool {
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok || seen[name] {
			return false
		}
		seen[name] = true
		if !value(decoder, depth) {
			return false
		}
	}
	_, err := decoder.Token()
	return err == nil
}

func value(decoder *json.Decoder, depth int) bool {
	token, err := decoder.Token()
	if err != nil || depth >= MaxDepth {
		return false
	}
	switch token {
	case json.Delim('{'):
		return members(decoder, depth+1)
	case json.Delim('['):
		for decoder.More() {
			if !value(decoder, depth+1) {
				return false
			}
		}
		_, err := decoder.Token()
		return err == nil
	}
	return true
}
