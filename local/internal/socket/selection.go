package socket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// selection is a route selection expression: the names of nested members of a message.
type selection []string

// AWS: "For WebSocket-based APIs, the expression should be of the form $request.body.{path_to_body_element}", in which
// "curly braces can be used to explicitly define variable boundaries".
var selectionForm = regexp.MustCompile(`^\$(?:request\.body\.([A-Za-z0-9_.-]+)|\{request\.body\.([A-Za-z0-9_.-]+)\})$`)

func parseSelection(expression string) (selection, error) {
	found := selectionForm.FindStringSubmatch(expression)
	if found == nil {
		return nil, fmt.Errorf("%q is not implemented, only $request.body and names with dots are", expression)
	}
	names := strings.Split(found[1]+found[2], ".")
	for _, name := range names {
		if name == "" {
			return nil, fmt.Errorf("%q has an empty name", expression)
		}
	}
	return names, nil
}

// key evaluates the expression against a message. It is false where the message is not JSON or has no such member.
// AWS: "the result will be stringified … it's a good practice to have your expression evaluate to a value and not an
// array or an object", which no route key is compared with here.
func (s selection) key(message []byte) (string, bool) {
	decoder := json.NewDecoder(bytes.NewReader(message))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return "", false
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "", false
	}
	for _, name := range s {
		object, ok := value.(map[string]any)
		if !ok {
			return "", false
		}
		value = object[name]
	}
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	}
	return "", false
}
