package tokenhandler

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/tokenhandler/aws/internal/contract"
)

// maxRefusalFields bounds the fields of a refusal, as JSON, in bytes.
const maxRefusalFields = 2048

var (
	refusalFieldRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	placeholderRE  = regexp.MustCompile(`\{[^{}]*\}`)
)

// placeholders are replaced in the texts of refusal fields.
func (r gatewayResponse) placeholders() map[string]string {
	status := r.status
	switch {
	case status != "":
	case r.kind == "DEFAULT_4XX":
		status = "400"
	default:
		status = "500"
	}
	return map[string]string{"{code}": r.code, "{message}": r.message, "{status}": status, "{requestId}": "$context.requestId"}
}

// refusalFieldsFault returns the fault of refusal fields, or "".
//
// API Gateway replaces $context and $stageVariables in the body and escapes
// neither their values nor anything else, so texts must not contain characters
// that JSON or API Gateway interprets.
func refusalFieldsFault(fields map[string]any) string {
	text, err := json.Marshal(fields)
	switch {
	case err != nil:
		return "must contain values of JSON"
	case len(text) > maxRefusalFields:
		return fmt.Sprintf("must take at most %d bytes as JSON, got %d", maxRefusalFields, len(text))
	}
	for name := range fields {
		if slices.Contains([]string{contract.FieldCode, contract.FieldErrorCode, contract.FieldMessage, contract.FieldScope}, name) {
			return fmt.Sprintf("must not contain %q: clients depend on the value of the token handler", name)
		}
	}
	return refusalValueFault(fields)
}

func refusalValueFault(value any) string {
	switch value := value.(type) {
	case nil, bool, float64, int:
		return ""
	case string:
		for _, placeholder := range placeholderRE.FindAllString(value, -1) {
			if _, known := (gatewayResponse{}).placeholders()[placeholder]; !known {
				return fmt.Sprintf("must contain only the placeholders {code}, {message}, {status} and {requestId}, got %s", placeholder)
			}
		}
		if strings.ContainsAny(value, "$\"\\") || strings.ContainsFunc(value, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
			return fmt.Sprintf("must not contain '$', '\"', '\\' or control characters, got %q", value)
		}
		return ""
	case []any:
		for _, each := range value {
			if fault := refusalValueFault(each); fault != "" {
				return fault
			}
		}
		return ""
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if !refusalFieldRE.MatchString(name) {
				return fmt.Sprintf("must have names of letters, digits, '_', '.' and '-', got %q", name)
			}
			if fault := refusalValueFault(value[name]); fault != "" {
				return fault
			}
		}
		return ""
	}
	return fmt.Sprintf("must contain texts, numbers, booleans, lists and objects, got a %T", value)
}

// refusalFields returns the members that the token handlers of an API add to the
// body of a refusal: ,"name":value for each.
func refusalFields(siblings []*ProtectedAPI, r gatewayResponse) string {
	var fields map[string]any
	for _, s := range siblings {
		switch {
		case s.props.RefusalFields == nil:
		case fields == nil:
			fields = s.props.RefusalFields
		case !reflect.DeepEqual(fields, s.props.RefusalFields):
			misuse("Props.RefusalFields must be the same for all token handlers of an API: it has one body for each error")
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteString(`,"` + name + `":`)
		r.render(&b, fields[name])
	}
	return b.String()
}

// render writes a value as JSON, with the placeholders replaced. A text that is
// only {status} becomes a number (RFC 9457 section 3.1.2).
func (r gatewayResponse) render(b *strings.Builder, value any) {
	switch value := value.(type) {
	case map[string]any:
		separator := "{"
		for _, name := range slices.Sorted(maps.Keys(value)) {
			b.WriteString(separator + `"` + name + `":`)
			r.render(b, value[name])
			separator = ","
		}
		b.WriteString(opened(separator) + "}")
	case []any:
		separator := "["
		for _, each := range value {
			b.WriteString(separator)
			r.render(b, each)
			separator = ","
		}
		b.WriteString(opened(separator) + "]")
	case string:
		known := r.placeholders()
		text := placeholderRE.ReplaceAllStringFunc(value, func(p string) string { return known[p] })
		if value == "{status}" {
			b.WriteString(text)
			return
		}
		b.WriteString(`"` + text + `"`)
	default:
		text, _ := json.Marshal(value) // nil, a boolean or a number
		b.Write(text)
	}
}

// opened returns the opening bracket of an empty object or list, which no element
// has written.
func opened(separator string) string { return strings.TrimPrefix(separator, ",") }
