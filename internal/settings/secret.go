package settings

import "fmt"

// Secret is a value that must not be shown. Every way of printing it gives
// "[secret]"; [Secret.Reveal] is the only way to its content.
type Secret string

// Reveal returns the content.
func (s Secret) Reveal() string { return string(s) }

// String hides the content.
func (Secret) String() string { return "[secret]" }

// Format hides the content from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the content from encoding/json and log/slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
