package settings

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// Texts are texts by name. A variable has them as a JSON object, a stage as an
// object.
type Texts map[string]string

// Names returns the names in order.
func (t Texts) Names() []string { return slices.Sorted(maps.Keys(t)) }

// MarshalText returns the form of a variable, "" without any.
func (t Texts) MarshalText() ([]byte, error) { return compact(map[string]string(t), len(t)) }

// UnmarshalText reads the form that MarshalText writes.
func (t *Texts) UnmarshalText(text []byte) error {
	if t.UnmarshalJSON(text) != nil || *t == nil {
		return errors.New("settings: expected a JSON object of texts")
	}
	return nil
}

// MarshalJSON writes the object of a stage.
func (t Texts) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]string(t)) }

// UnmarshalJSON reads the object of a stage.
func (t *Texts) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*map[string]string)(t))
}
